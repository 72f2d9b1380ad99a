"""One trial of a worker: everything a call would need, with a report instead of a caller."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from switchboard_agent.clock import MS_PER_SECOND
from switchboard_agent.probe.checks import Check, Rehearsal, Tried
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.probe import ProbeReport, ProbeState

CHECK_SECONDS = 6.0
"""A provider that takes longer has failed: a caller would have hung up. Above what checks give
themselves, which can then say more."""

_MODELS = "llm"
"""Name of the check that asks language models; where none answers, all were asked."""

NOT_LOADED = "revision: not loaded"

_log = logging.getLogger(__name__)


async def attempt(
    rehearsal: Rehearsal,
    dispatch: DispatchMetadata,
    configs: Sequence[AgentConfig | None],
    *,
    worker: str,
    assigned_at: float,
) -> ProbeReport:
    """Try out the revision that calls are dispatched with, and those of its variants.

    `configs` are as the worker holds them, None for one that it does not have. Never raises for a
    provider's sake: what goes wrong is the report.
    """
    loop = asyncio.get_running_loop()
    main = configs[0]
    if main is None or None in configs:
        return _report(dispatch, worker, None, [NOT_LOADED])
    greeted = await _try("greeting", rehearsal.greet, main)
    greeting_ms = round((loop.time() - assigned_at) * MS_PER_SECOND)
    async with asyncio.TaskGroup() as group:
        tried = [
            group.create_task(_try(name, check, config))
            for config in configs
            if config is not None
            for name, check in rehearsal.checks(ask_models=dispatch.ask_models).items()
        ]
    results = [greeted, *(task.result() for task in tried)]
    faults = list(dict.fromkeys(fault for fault, _ in results if fault))
    report = _report(dispatch, worker, None if greeted[0] else greeting_ms, faults)
    down = dict.fromkeys(provider for _, found in results for provider in found.down)
    return replace(
        report,
        down=", ".join(down),
        questions=sum(found.questions for _, found in results),
        models_asked=dispatch.ask_models,
    )


def _report(
    dispatch: DispatchMetadata, worker: str, greeting_ms: int | None, faults: list[str]
) -> ProbeReport:
    return ProbeReport(
        ProbeState.FAILED if faults else ProbeState.ANSWERED,
        revision=dispatch.revision,
        worker=worker,
        greeting_ms=greeting_ms,
        fault="; ".join(faults),
    )


async def _try(name: str, check: Check, config: AgentConfig) -> tuple[str, Tried]:
    """Return what is wrong, as `check: type of error` (empty if nothing is), and what was found."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            found = await check(config)
    except TimeoutError:
        fault = f"{name}: no answer in {CHECK_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001  whatever a provider raises is the finding
        fault = f"{name}: {type(error).__name__}"
    else:
        return "", found or Tried()
    about = {"agent": config.key, "revision": config.revision, "fault": fault}
    _log.warning("a probe found a fault", extra=about)
    return fault, Tried(questions=len(config.llm) if name == _MODELS else 0)
