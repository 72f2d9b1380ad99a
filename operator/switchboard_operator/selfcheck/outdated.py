"""Telling every VoiceAgent that the operator does not look at it, because its CRD is too old.

Workers and LiveKit are left as they are, so calls go on; only `Accepted` and `Ready` change, to
Unknown, since nobody checks them now. The first reconcile after the upgrade sets them right.
"""

import asyncio
import contextlib
import copy
import logging
from collections.abc import Callable

from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import ConditionType, Reason
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.kube.objects import Object, name_of, namespace_of
from switchboard_operator.selfcheck.check import SelfCheck

_log = logging.getLogger(__name__)

Tick = Callable[[], None]


def _nothing() -> None:
    """Tell nobody."""


_TYPES = (ConditionType.ACCEPTED, ConditionType.READY)


AGAIN_SECONDS = 3.0
"""Time between looks for VoiceAgents that were made or changed meanwhile: no watch is believed."""


async def wait(
    check: SelfCheck, api: KubeApi, now: Callable[[], str], tick: Tick = _nothing
) -> None:
    """Wait until the CRDs are new enough; say on every VoiceAgent why nothing happens.

    `tick` is called all the time: to wait is not to hang.
    """
    while not check.schema_fits.is_set():
        tick()
        if check.schema_fault:
            try:
                await mark_all(api, check.schema_fault, now)
            except KubeApiError as error:
                _log.warning("VoiceAgents not marked, trying again: %s", error)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_SECONDS if check.schema_fault else 1.0):
                await check.schema_fits.wait()


async def follow(
    check: SelfCheck,
    api: KubeApi,
    now: Callable[[], str],
    *,
    tick: Tick,
    mended: Callable[[], None],
) -> None:
    """Say it also when a CRD is replaced by an older one later; for ever."""
    while True:
        await check.schema_outdated.wait()
        await wait(check, api, now, tick)
        mended()


async def mark_all(api: KubeApi, fault: str, now: Callable[[], str]) -> None:
    """Write the condition on every VoiceAgent where it can be written."""
    agents, _ = await api.list_all(VOICE_AGENT)
    for agent in agents:
        status = marked(agent.get("status") or {}, fault, agent["metadata"]["generation"], now())
        if status == agent.get("status"):
            continue
        body = {
            "apiVersion": VOICE_AGENT.api_version,
            "kind": VOICE_AGENT.kind,
            "metadata": {"name": name_of(agent), "namespace": namespace_of(agent)},
            "status": status,
        }
        try:
            await api.apply(VOICE_AGENT, body, "status")
        except KubeApiError as error:
            _log.warning("status of %s not written: %s", name_of(agent), error)


def marked(status: Object, fault: str, generation: int, now: str) -> Object:
    """Return a status that says so, otherwise as it was."""
    out = copy.deepcopy(status)
    before = {c["type"]: c for c in out.get("conditions") or []}
    for kind in _TYPES:
        old = before.get(kind, {})
        stays = old.get("status") == ConditionStatus.UNKNOWN
        before[kind] = {
            "type": kind.value,
            "status": ConditionStatus.UNKNOWN.value,
            "reason": Reason.CRD_OUTDATED.value,
            "message": fault,
            "lastTransitionTime": old["lastTransitionTime"] if stays else now,
            "observedGeneration": generation,
        }
    out["conditions"] = list(before.values())
    return out
