"""A human in the caller's room: apart until connected, put out when nobody waits, left alone after.

Whatever happens in whatever order, the two hear each other only once they are connected, and nobody
stays whom nobody cares for.
"""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard_agent.transport.base import NotReachedError, Transferred
from switchboard_agent.transport.livekit.control import RoomControlError
from switchboard_agent.transport.livekit.transport import ASK_SECONDS
from switchboard_contract.call_events import TransferResult
from tests.agent.transport.consult_world import CALLER, World
from tests.support.virtual_time import run_virtual


async def connected() -> World:
    world = World()
    await world.open()
    task = world.start(world.consult())
    await world.rings()
    world.answers()
    await task
    assert world.transport.connected
    assert world.together
    return world


def permissions(world: World) -> list[dict[str, list[str]] | None]:
    """Who may hear which of the agent's tracks; None: all."""
    asked = (r.set_track_subscription_permissions for r in world.server.requests)
    return [
        None
        if request.all_participants_allowed
        else {p.participant_identity: list(p.allowed_track_sids) for p in request.permissions}
        for request in asked
        if request.local_participant_handle
    ]


def test_before_anybody_is_called_the_agents_voice_is_the_callers_alone() -> None:
    async def scene() -> None:
        world = World()
        await world.open()
        task = world.start(world.consult())
        await asyncio.sleep(0.01)
        assert permissions(world) == [{CALLER: ["TR_agent"]}], "before the second voice is there"
        assert not world.asked
        await world.rings()
        (_, both) = permissions(world)
        assert both == {CALLER: ["TR_agent"], world.human: ["TR_agent"]}  # one name in this fake
        assert world.human.startswith("human-AJ_1-")
        (asked,) = world.asked
        assert (asked.room, asked.to, asked.agent, asked.carrier) == (
            "room",
            "tel:+15550199",
            "ns/agent",
            "main",
        )
        world.answers()
        await task
        assert not world.heard_early

    run_virtual(scene())


def test_a_bridge_that_subscribes_after_all_is_corrected() -> None:
    async def scene() -> None:
        world = World()
        await world.open()
        task = world.start(world.consult(briefing_seconds=20))
        await world.rings()
        world.answers()
        await asyncio.sleep(0.05)
        world.deaf[world.human] = False  # its word came after ours
        await asyncio.sleep(0.15)
        assert world.deaf[world.human]
        await asyncio.sleep(10)
        world.deaf[CALLER] = False
        await asyncio.sleep(1.1)
        assert world.deaf[CALLER]
        await task
        await asyncio.sleep(5)
        assert world.together, "nobody is parted once connected"

    run_virtual(scene())


@pytest.mark.parametrize("result", [TransferResult.REFUSED, TransferResult.NO_ANSWER])
def test_what_came_of_the_call_is_told_and_a_second_one_can_be_made(result: TransferResult) -> None:
    async def scene() -> None:
        world = World()
        await world.open()
        task = world.start(world.consult())
        await world.rings()
        first = world.human
        world.answers(result)
        with pytest.raises(NotReachedError) as told:
            await task
        assert told.value.transferred.result is result
        assert permissions(world)[-1] is None, "others may hear the agent again"
        task = world.start(world.consult())
        await world.rings()
        assert world.human != first
        world.answers()
        await task
        assert world.transport.connected

    run_virtual(scene())


def test_a_server_that_does_not_part_them_connects_nobody() -> None:
    async def scene() -> None:
        world = World()
        await world.open()
        task = world.start(world.consult())
        await world.rings()
        world.broken = True
        world.answers()
        with pytest.raises(RoomControlError):
            await task
        await asyncio.sleep(1)
        assert world.present == {CALLER}

    run_virtual(scene())


def test_a_human_without_a_voice_is_not_on_the_line() -> None:
    async def scene() -> None:
        world = World()
        await world.open()
        task = world.start(world.consult())
        await world.rings()
        assert world.ringing is not None
        world.ringing.set_result(Transferred(TransferResult.SUCCEEDED))
        with pytest.raises(NotReachedError):
            await task
        await asyncio.sleep(1)
        assert world.present == {CALLER}

    run_virtual(scene())


def test_a_human_whom_the_bridge_joins_for_too_late_is_put_out_all_the_same() -> None:
    async def scene() -> None:
        world = World()
        await world.open()
        task = world.start(world.consult())
        await asyncio.sleep(0.01)
        world.server.published()
        await asyncio.sleep(0.01)
        world.leaves(CALLER)
        task.cancel()
        ending = world.start(world.hang_up())
        await asyncio.sleep(3)
        world.comes()
        await ending
        assert world.present == set()

    run_virtual(scene())


def test_a_human_of_a_lost_worker_is_put_out() -> None:
    async def scene() -> None:
        world = World()
        await world.open()
        world.human = "human-AJ_1-lost"
        world.comes()
        await asyncio.sleep(0.01)
        assert world.removed == ["human-AJ_1-lost"]
        assert not world.transport.connected

    run_virtual(scene())


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("leaver", ["caller", "human"])
def test_the_worker_stays_until_one_leaves_and_puts_the_other_out(
    leaver: str, *, told: bool
) -> None:
    async def scene() -> None:
        world = await connected()
        staying = world.start(world.transport.wait_until_parted())
        await asyncio.sleep(600)
        assert not staying.done()
        assert world.removed == []
        leave = world.leaves if told else world.leaves_unseen
        leave(CALLER if leaver == "caller" else world.human)
        async with asyncio.timeout(ASK_SECONDS + 1):
            await staying
        await world.hang_up()
        assert world.present == set()

    run_virtual(scene())


@pytest.mark.parametrize("let_go", [False, True])
def test_a_worker_that_ends_or_lets_go_leaves_the_two_to_each_other(let_go: bool) -> None:
    async def scene() -> None:
        world = await connected()
        if let_go:
            world.transport.abandon()
        await world.hang_up()
        assert world.removed == []
        assert world.together
        assert world.server.rooms == {}, "it has left"

    run_virtual(scene())


EVENTS = st.lists(
    st.sampled_from(
        ["answer", "busy", "caller leaves", "human leaves", "api breaks", "let go", "stop", "wait"]
    ),
    max_size=6,
)


class Job:
    """The end of a call, as session and job go about it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.ending = False
        self.abandoned = False
        self.left_them = False
        """Whether the worker was gone before one of two who were connected left."""
        self.task = world.start(self._serve())

    async def _serve(self) -> None:
        world = self._world
        try:
            await world.consult()
            await world.transport.wait_until_parted()
        except (NotReachedError, RoomControlError):
            pass
        finally:
            self.ending = True
            await world.hang_up()

    def stop(self) -> None:
        if not self.ending:
            self.ending = True
            self.task.cancel()

    def let_go(self) -> None:
        self.abandoned = True
        self._world.transport.abandon()
        self.stop()

    def someone_leaves(self, identity: str) -> None:
        world = self._world
        self.left_them |= self.ending and world.transport.connected
        world.leaves(identity)
        if identity == CALLER and not world.transport.connected:
            self.stop()

    def take(self, event: str) -> None:
        world = self._world
        happen: dict[str, Callable[[], None]] = {
            "answer": world.answers,
            "busy": partial(world.answers, TransferResult.REFUSED),
            "caller leaves": partial(self.someone_leaves, CALLER),
            "human leaves": partial(self.someone_leaves, world.human),
            "api breaks": world.breaks,
            "let go": self.let_go,
            "stop": self.stop,
            "wait": lambda: None,
        }
        happen[event]()


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.floats(0, 2))
def test_whatever_happens_nobody_hears_early_and_nobody_is_forgotten(
    events: list[str], pause: float
) -> None:
    async def scene() -> None:
        world = World()
        await world.open()
        job = Job(world)
        await world.rings()
        for event in events:
            job.take(event)
            await asyncio.sleep(pause)
        await asyncio.sleep(120)
        assert not world.heard_early
        both = {CALLER, world.human}
        if world.transport.connected:
            assert world.present in (both, set()) or job.left_them
            assert world.together or not world.present
        else:
            assert world.human not in world.present, "nobody waits for this human"
            assert CALLER not in world.present or job.abandoned
        assert job.task.done() != (world.present == both and not job.ending)
        job.stop()
        await asyncio.wait([job.task])

    run_virtual(scene())
