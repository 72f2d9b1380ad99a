"""A worker serves the variant that a call falls to, and reports it."""

import pytest

from switchboard_agent.call_log import CallLog
from switchboard_agent.clock import LoopClock
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.recovery.base import Handover
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.tracing import NoTracing
from switchboard_agent.transport.base import CallInfo, CallTransport
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata, VariantShare
from switchboard_contract.call_events import CallStarted, Outcome
from tests.agent.live.configs import agent_config
from tests.agent.worker.fakes import Desk, desk, settle

_VARIANT = agent_config(greeting="Good day!").model_copy(update={"variant": "polite"})


def _dispatch(own: AgentConfig, *, weight: int) -> str:
    share = VariantShare(name="polite", revision=_VARIANT.revision, weight=weight)
    dispatch = DispatchMetadata(agent=own.key, revision=own.revision, variants=[share])
    return dispatch.model_dump_json(by_alias=True)


async def _served(d: Desk, monkeypatch: pytest.MonkeyPatch, weight: int) -> list[str | None]:
    served: list[str | None] = []
    run_call = d.engine.run_call

    async def noting(
        config: AgentConfig, transport: CallTransport, handover: Handover | None = None
    ) -> Outcome:
        served.append(config.variant)
        return await run_call(config, transport, handover)

    monkeypatch.setattr(d.engine, "run_call", noting)
    d.link.offer("J1", _dispatch(d.config, weight=weight))
    await settle()
    d.link.assign("J1")
    await settle()
    d.transports["J1"].over.set()
    await settle()
    return served


@pytest.mark.parametrize(("weight", "variant"), [(100, "polite"), (0, None)])
async def test_a_call_is_served_by_the_variant_it_falls_to(
    monkeypatch: pytest.MonkeyPatch, weight: int, variant: str | None
) -> None:
    async with desk() as d:
        await d.revisions.put("polite", _VARIANT.to_json())
        assert await _served(d, monkeypatch, weight) == [variant]


async def test_a_variant_that_no_worker_has_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as d:
        assert await _served(d, monkeypatch, 100) == [None]
        assert d.refusals == []


@pytest.mark.parametrize(("config", "variant"), [(_VARIANT, "polite"), (agent_config(), "")])
async def test_the_variant_stands_in_the_calls_first_event(
    config: AgentConfig, variant: str
) -> None:
    records = MemoryRecorder()
    info = CallInfo(call_id="c", agent=config.key, revision=config.revision, room="r")
    log = CallLog(info, config, records, Telemetry(), LoopClock(), tracing=NoTracing())
    log.began("worker-1")
    (event,) = records.events
    assert isinstance(event, CallStarted)
    assert (event.variant, event.revision) == (variant, config.revision)
