"""What the operator says at its start and tells the outside: permissions, CRDs, traces, Events."""

import asyncio
import contextlib
import json

import aiohttp
import pytest

from switchboard_contract.crd.version import SCHEMA_VERSION
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.kinds import DEPLOYMENT, VOICE_AGENT
from tests.operator.hard.knocks import Knocks, operator, probe
from tests.operator.samples import agent
from tests.operator.system import until
from tests.support.otlp_receiver import attributes, otlp_receiver

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


async def test_a_collector_gets_a_trace_of_each_reconcile(knocks: Knocks) -> None:
    system = knocks.system
    async with (
        otlp_receiver() as receiver,
        operator(knocks, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_BSP_SCHEDULE_DELAY="200"),
    ):
        await system.tenant_with_namespace("traced")
        await system.serve("traced", "+15550312")

        def inside() -> set[str]:
            roots = [s for s in receiver.spans() if attributes(s).get("key") == _TRACED]
            traces = {span.trace_id for span in roots}
            return {span.name for span in receiver.spans() if span.trace_id in traces}

        wanted = {"reconcile", "kube POST", "kube PATCH", "livekit CreateSIPInboundTrunk"}
        await until(lambda: wanted <= inside(), "reconcile and its requests are one trace")


async def test_a_restart_tells_nothing_anew(knocks: Knocks) -> None:
    system = knocks.system
    async with operator(knocks) as first:
        await system.tenant_with_namespace("quiet")
        await system.serve("quiet", "+15550316")
        await system.put(VOICE_AGENT, agent("twin", "quiet", numbers=["+15550316"]))
        await system.condition("quiet", "Accepted", "False/NumberTaken", "twin")

        async def events() -> str:
            ours = "--field-selector=reportingComponent=switchboard-operator"
            written = "-o=custom-columns=R:.reason,V:.metadata.resourceVersion"
            return await knocks.admin("get", "events", "--namespace=quiet", ours, written)

        async def told() -> bool:
            return "NumberTaken" in await events()

        await until(told, "the Event is there")
        assert (await first.metrics())['switchboard_kube_events_total{result="written"}'] >= 1
        await asyncio.sleep(1)
        before = await events()
    async with operator(knocks) as again:
        agents, _ = await system.kube.list_all(VOICE_AGENT)

        async def looked() -> bool:
            found = await again.metrics()
            results = [f'{{kind="VoiceAgent",result="{result}"}}' for result in ("ok", "failed")]
            counts = [found.get(f"switchboard_reconciles_total{r}", 0) for r in results]
            return sum(counts) >= len(agents)

        await until(looked, "every VoiceAgent was looked at")
        await asyncio.sleep(1)
        assert await events() == before


async def test_a_missing_permission_is_said_within_seconds_and_mended_without_a_restart(
    knocks: Knocks,
) -> None:
    system = knocks.system
    role = json.loads(await knocks.admin("get", "clusterrole", "switchboard-operator", "-o=json"))
    poorer = {**role, "rules": [_without(rule, "secrets") for rule in role["rules"]]}
    await _replace(knocks, poorer)
    try:
        async with operator(knocks, leading=False) as blind:

            async def says_so() -> bool:
                with contextlib.suppress(aiohttp.ClientError):
                    return "secrets" in (await probe(blind, "readyz"))[1]
                return False

            await until(says_so, "/readyz says what is missing", seconds=15)
            status, text = await probe(blind, "readyz")
            assert status == 503
            assert "cannot list, watch, get, create, patch, delete secrets" in text
            assert "cannot list, watch, get, create, patch, delete secrets" in blind.log.read_text()
            assert (await probe(blind, "healthz"))[0] == 200
            assert (await blind.metrics())["switchboard_missing_permissions"] >= 6
            assert not blind.is_leading()
            await _replace(knocks, role)
            await until(blind.is_leading, "it works once the verbs are granted")
            assert (await blind.metrics())["switchboard_missing_permissions"] == 0
            assert "goes on without" not in blind.log.read_text(), "the chart grants all of it"
    finally:
        await _replace(knocks, role)
    assert system.operators


async def test_a_crd_older_than_the_operator_stops_its_writes_until_it_is_upgraded(
    knocks: Knocks,
) -> None:
    system = knocks.system
    await system.tenant_with_namespace("outdated")
    await system.put(VOICE_AGENT, agent("reception", "outdated", numbers=["+15550309"]))
    crd = ("annotate", "--overwrite", "crd", "voiceagents.switchboard.dev")
    await knocks.admin(*crd, "switchboard.dev/schema-version=1")
    async with operator(knocks, leading=False) as old:
        message = await system.condition("outdated", "Accepted", "Unknown/CRDOutdated")
        assert "helm upgrade switchboard-crds" in message
        status, text = await probe(old, "readyz")
        assert (status, "voiceagents.switchboard.dev is older" in text) == (503, True)
        assert not [w for w in await old.writes() if 'verb="apply_status"' not in w]
        await knocks.admin(*crd, f"switchboard.dev/schema-version={SCHEMA_VERSION}")
        await until(old.is_leading, "it goes on by itself")
        await system.condition("outdated", "SIPReady", "True/SIPReady")


async def test_a_crd_replaced_by_an_older_one_stops_a_running_leader(knocks: Knocks) -> None:
    system = knocks.system
    crd = ("annotate", "--overwrite", "crd", "voiceagents.switchboard.dev")
    async with operator(knocks) as running:
        await system.tenant_with_namespace("downgraded")
        await system.serve("downgraded", "+15550313")
        await knocks.admin(*crd, "switchboard.dev/schema-version=1")
        await system.condition("downgraded", "Ready", "Unknown/CRDOutdated")
        await system.put(VOICE_AGENT, agent("late", "downgraded", numbers=["+15550314"]))
        await system.condition("downgraded", "Accepted", "Unknown/CRDOutdated", "late")
        deployment = await system.kube.get(DEPLOYMENT, "downgraded", "reception-worker")
        await system.kube.delete(DEPLOYMENT, deployment)
        await asyncio.sleep(3)
        with pytest.raises(NotFoundError):
            await system.kube.get(DEPLOYMENT, "downgraded", "reception-worker")
        assert (await probe(running, "healthz"))[0] == 200
        await knocks.admin(*crd, f"switchboard.dev/schema-version={SCHEMA_VERSION}")
        for name in ("reception", "late"):
            await system.condition("downgraded", "Accepted", "True/Accepted", name)
            await system.condition("downgraded", "SIPReady", "True/SIPReady", name)

        async def made_again() -> bool:
            with contextlib.suppress(NotFoundError):
                await system.kube.get(DEPLOYMENT, "downgraded", "reception-worker")
                return True
            return False

        await until(made_again, "what was deleted meanwhile is made again")


async def test_a_permission_taken_away_at_run_time_is_said_within_ten_seconds(
    knocks: Knocks,
) -> None:
    role = json.loads(await knocks.admin("get", "clusterrole", "switchboard-operator", "-o=json"))
    poorer = {**role, "rules": [_without(rule, "services") for rule in role["rules"]]}
    async with operator(knocks) as running:
        try:
            await _replace(knocks, poorer)

            async def says_so() -> bool:
                return "cannot list, watch, get" in (await probe(running, "readyz"))[1]

            await until(says_so, "/readyz says what is missing", seconds=10)
            assert "services" in (await probe(running, "readyz"))[1]
        finally:
            await _replace(knocks, role)

        async def mended() -> bool:
            return (await probe(running, "readyz"))[0] == 200

        await until(mended, "it is mended without a new start")


_TRACED = "traced/reception"


def _without(rule: dict[str, list[str]], resource: str) -> dict[str, list[str]]:
    kept = [name for name in rule["resources"] if name != resource]
    return {**rule, "resources": kept}


async def _replace(knocks: Knocks, obj: dict[str, object]) -> None:
    path = knocks.system.workdir / "object.json"
    meta = dict(obj["metadata"]) if isinstance(obj["metadata"], dict) else {}
    meta.pop("resourceVersion", None)
    path.write_text(json.dumps({**obj, "metadata": meta}))
    await knocks.admin("replace", f"--filename={path}")
