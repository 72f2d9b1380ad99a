"""Others who write what is ours: people, controllers, and a LiveKit that forgets."""

import asyncio
import contextlib
import itertools
import json

import pytest
import redis.asyncio
from livekit.protocol.sip import (
    SIPDispatchRule,
    SIPDispatchRuleDirect,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
)

from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.contest import ROUNDS
from switchboard_operator.kube.kinds import (
    DEPLOYMENT,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    VOICE_AGENT,
)
from tests.operator.hard.knocks import Knocks, operator
from tests.operator.samples import agent
from tests.operator.system import System, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


WORKER = "reception-worker"
_OTHERS = "other.example/touched"
_NAMED = (DEPLOYMENT, SERVICE, POD_DISRUPTION_BUDGET, ROLE, ROLE_BINDING, NETWORK_POLICY)
IMAGE = "spec.template.spec.containers[worker].image"


async def _image(system: System, where: str) -> str:
    found = await system.kube.get(DEPLOYMENT, where, WORKER)
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


async def _meddle(knocks: Knocks, where: str, image: str) -> None:
    container = {"name": "worker", "image": image}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    await knocks.admin(
        "patch",
        "deployment",
        WORKER,
        f"--namespace={where}",
        "--field-manager=image-patcher",
        f"--patch={json.dumps(patch)}",
    )


async def test_a_hand_edit_is_put_back_and_replicas_of_an_autoscaler_stay(knocks: Knocks) -> None:
    system = knocks.system
    async with operator(knocks):
        await system.tenant_with_namespace("edited")
        await system.serve("edited", "+15550306", scaling={"min": 1, "max": 5})
        ours = await _image(system, "edited")
        scaled = {"spec": {"replicas": 4}}
        await system.kube.patch(DEPLOYMENT, "edited", WORKER, scaled, subresource="scale")
        await _meddle(knocks, "edited", "other:1")

        async def back() -> bool:
            return await _image(system, "edited") == ours

        await until(back, "the image is ours again")
        deployment = await system.kube.get(DEPLOYMENT, "edited", WORKER)
        assert deployment["spec"]["replicas"] == 4


async def test_a_tug_of_war_is_given_up_and_the_other_one_is_named(knocks: Knocks) -> None:
    system = knocks.system
    async with operator(knocks) as running:
        await system.tenant_with_namespace("tug")
        await system.serve("tug", "+15550307")
        ours = await _image(system, "tug")

        async def put_back() -> bool:
            return await _image(system, "tug") == ours

        for _ in range(ROUNDS):
            await _meddle(knocks, "tug", "other:1")
            await until(put_back, "the image is ours again")
        await _meddle(knocks, "tug", "other:1")
        message = await system.condition("tug", "WorkersReady", "False/Conflict")
        assert "field manager 'image-patcher' keeps changing" in message
        assert IMAGE in message
        writes = 'switchboard_api_writes_total{kind="Deployment",verb="apply"}'
        before = (await running.metrics())[writes]
        await asyncio.sleep(5)
        after = await running.metrics()
        assert after[writes] == before, "no storm of writes"
        assert await _image(system, "tug") == "other:1"
        assert after['switchboard_tugs_of_war_total{kind="Deployment"}'] == 1
        events = await knocks.admin("get", "events", "-n", "tug", "-o", "wide")
        assert "Conflict" in events
        assert "voiceagent/reception" in events


async def test_a_second_controller_keeps_what_is_its_own_and_gets_nothing_else(
    knocks: Knocks,
) -> None:
    system = knocks.system
    async with operator(knocks) as running:
        await system.tenant_with_namespace("second")
        await system.serve("second", "+15550315")
        await until(lambda: _all_there(system, "second"), "all children are there")
        busy = asyncio.ensure_future(_second_controller(system, "second"))
        try:
            await asyncio.sleep(2)
            before = await running.writes()
            await asyncio.sleep(4)
            assert await running.writes() == before, "annotations of others are nobody's business"
            patch = {"spec": {"limits": {"maxCallSeconds": 400}, "scaling": {"min": 2}}}
            await system.kube.patch(VOICE_AGENT, "second", "reception", patch)
            for kind in (SERVICE, POD_DISRUPTION_BUDGET, ROLE_BINDING):
                await system.kube.delete(kind, await system.kube.get(kind, "second", WORKER))

            async def as_asked() -> bool:
                if not await _all_there(system, "second"):
                    return False
                found = await system.kube.get(DEPLOYMENT, "second", WORKER)
                pod = found["spec"]["template"]["spec"]
                return bool(pod["terminationGracePeriodSeconds"] == 430)

            await until(as_asked, "the change is through and what was deleted is back")
            found = await system.kube.get(DEPLOYMENT, "second", WORKER)
            assert int(found["metadata"]["annotations"][_OTHERS]) > 1, "its annotation stays"
        finally:
            busy.cancel()
            await asyncio.wait({busy})


async def _all_there(system: System, where: str) -> bool:
    try:
        for kind in _NAMED:
            await system.kube.get(kind, where, WORKER)
    except NotFoundError:
        return False
    return True


async def _second_controller(system: System, where: str) -> None:
    """Write an annotation on every child, again and again."""
    for count in itertools.count(1):
        for kind in _NAMED:
            with contextlib.suppress(NotFoundError):
                note = {"metadata": {"annotations": {_OTHERS: str(count)}}}
                await system.kube.patch(kind, where, WORKER, note)
        await asyncio.sleep(0.1)


async def test_a_number_in_a_foreign_trunk_is_told_of_and_healed(knocks: Knocks) -> None:
    system = knocks.system
    async with operator(knocks):
        await system.tenant_with_namespace("foreign")
        trunk = await system.sip.create_trunk(_foreign_trunk("+15550308"))
        await system.put(VOICE_AGENT, agent("reception", "foreign", numbers=["+15550308"]))
        message = await system.condition("foreign", "NumbersBound", "False/NumberHeldInLiveKit")
        assert trunk.sip_trunk_id in message

        async def told() -> bool:
            described = await knocks.admin("describe", "va", "reception", "-n", "foreign")
            return "Warning  NumberHeldInLiveKit" in described

        await until(told, "kubectl describe shows the Event")
        await system.sip.delete_trunk(trunk.sip_trunk_id)
        await system.condition("foreign", "SIPReady", "True/SIPReady")


async def test_a_rule_without_trunks_is_told_of_by_its_id_and_forgotten_when_it_goes(
    knocks: Knocks,
) -> None:
    system = knocks.system
    async with operator(knocks):
        await system.tenant_with_namespace("open-rule")
        await system.serve("open-rule", "+15550311")
        rule = await system.sip.create_rule(_foreign_rule())
        message = await system.condition("open-rule", "SIPReady", "True/OpenRule")
        assert rule.sip_dispatch_rule_id in message
        suspend = {"spec": {"suspend": True}}
        await system.kube.patch(VOICE_AGENT, "open-rule", "reception", suspend)
        message = await system.condition("open-rule", "Ready", "False/ForeignRule")
        assert f"calls go to dispatch rule {rule.sip_dispatch_rule_id}" in message

        async def told() -> bool:
            described = await knocks.admin("describe", "va", "reception", "-n", "open-rule")
            return "Warning  ForeignRule" in described

        await until(told, "kubectl describe shows the Event")
        await system.sip.delete_rule(rule.sip_dispatch_rule_id)
        await system.condition("open-rule", "SIPReady", "False/Suspended")


async def test_a_livekit_that_forgot_everything_is_told_again(knocks: Knocks) -> None:
    system = knocks.system
    async with operator(knocks):
        await system.tenant_with_namespace("wiped")
        await system.serve("wiped", "+15550310")
        async with redis.asyncio.from_url(system.redis.url) as client:
            await client.flushall()

        async def restored() -> bool:
            trunks = await system.sip.list_trunks()
            rules = await system.sip.list_rules()
            numbers = {number for trunk in trunks for number in trunk.numbers}
            return "+15550310" in numbers and any(r.name == "wiped/reception" for r in rules)

        await until(restored, "trunk and rule are back")


def _foreign_rule() -> SIPDispatchRuleInfo:
    direct = SIPDispatchRuleDirect(room_name="lobby")
    return SIPDispatchRuleInfo(name="catch-all", rule=SIPDispatchRule(dispatch_rule_direct=direct))


def _foreign_trunk(number: str) -> SIPInboundTrunkInfo:
    return SIPInboundTrunkInfo(name="somebody's", numbers=[number])
