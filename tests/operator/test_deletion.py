"""The end of a VoiceAgent: no new calls, live ones finish, then it goes; what blocks is said."""

import asyncio
from typing import Any

from switchboard_contract import names
from switchboard_operator.directory import Key, KeyKind
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.reconcile.finalizer import SKIP_CLEANUP
from switchboard_operator.sip.rooms import Rooms
from tests.operator.fakes import FakeSip
from tests.operator.samples import World, served_world

PLACE = (VOICE_AGENT, "smile-dental", "reception")
KEY = Key(KeyKind.VOICE_AGENT, "smile-dental", "reception")
OF_AGENT = '{"agent":"smile-dental/reception"}'
NOW = "2026-01-02T00:05:00Z"
"""Five minutes after the fake's deletion timestamp."""


async def _deleted(*rooms: tuple[str, str], **changes: Any) -> World:  # noqa: ANN401  any part of a spec
    world = await served_world(**changes)
    world.now = NOW
    world.sip.rooms = list(rooms)
    world.kube.remove(*PLACE)
    await world.settle()
    return world


async def test_without_calls_it_goes_at_once_and_lists_rooms_once() -> None:
    world = await served_world()
    world.sip.lists = 0
    world.kube.writes.clear()
    world.kube.remove(*PLACE)
    await world.settle()
    assert PLACE not in world.kube.objects
    assert world.sip.lists == 1
    assert [w for w in world.kube.writes if w[1] == "VoiceAgent"] == [
        ("patch", "VoiceAgent", "reception")
    ]


async def test_live_calls_are_waited_for_with_number_and_rule_gone() -> None:
    world = await _deleted(("one", OF_AGENT), ("two", OF_AGENT), ("foreign", '{"agent":"a/b"}'))
    assert not world.sip.rules
    assert not world.sip.trunks
    assert world.seen()["metadata"]["finalizers"] == [names.FINALIZER]
    assert world.condition("Ready") == "False/Deleting"
    assert "waiting for 2 calls to end" in world.message("Ready")
    assert world.seen()["status"]["activeCalls"] == 2
    await world.poll()
    world.sip.rooms = [("one", OF_AGENT)]
    await world.poll()
    await world.settle()
    assert "waiting for 1 call to end" in world.message("Ready")
    world.sip.rooms = []
    await world.poll()
    await world.settle()
    assert PLACE not in world.kube.objects


async def test_waiting_writes_nothing_when_looked_at_again() -> None:
    world = await _deleted(("one", OF_AGENT))
    writes = len(world.kube.writes), len(world.sip.writes)
    world.woken[KEY] = None
    await world.settle()
    assert (len(world.kube.writes), len(world.sip.writes)) == writes


async def test_the_wait_ends_when_the_longest_call_must_be_over() -> None:
    world = await _deleted(("stuck", OF_AGENT), limits={"maxCallSeconds": 300})
    assert PLACE in world.kube.objects
    world.now = "2026-01-02T00:05:16Z"
    world.woken[KEY] = None
    await world.settle()
    assert PLACE not in world.kube.objects


async def test_a_restarted_operator_goes_on_waiting() -> None:
    world = await _deleted(("one", OF_AGENT))
    world.start()
    await world.open()
    await world.settle()
    assert world.condition("Ready") == "False/Deleting"
    world.sip.rooms = []
    await world.poll()
    await world.settle()
    assert PLACE not in world.kube.objects


async def test_what_blocks_it_is_said_with_the_way_out() -> None:
    world = await served_world()
    world.sip.down = True
    world.kube.remove(*PLACE)
    await world.settle()
    assert world.errors
    assert world.condition("Ready") == "False/LiveKitUnreachable"
    assert f"{SKIP_CLEANUP}=true" in world.message("Ready")
    assert world.condition("Accepted") == "True/Accepted", "the rest stays as it was seen"


async def test_who_does_not_want_to_wait_says_so() -> None:
    world = await _deleted(("one", OF_AGENT))
    going = world.seen()
    going["metadata"]["annotations"] = {SKIP_CLEANUP: "true"}
    world.kube.put(VOICE_AGENT, going)
    await world.settle()
    assert PLACE not in world.kube.objects


async def test_one_list_of_rooms_answers_all_who_asked_before_it() -> None:
    sip = FakeSip()
    sip.rooms = [("one", OF_AGENT)]
    rooms = Rooms(sip)
    found = await asyncio.gather(*(rooms.of("smile-dental/reception") for _ in range(50)))
    assert found == [["one"]] * 50
    assert sip.lists <= 2
    sip.rooms = []
    assert await rooms.of("smile-dental/reception") == [], "a later question gets a later answer"
