"""A human in the caller's room: apart until connected, put out when nobody waits, left alone after.

The fake server keeps the books of a real one: a bridge subscribes by itself to each voice it sees,
and the server hears what the worker says about it. Whatever happens in whatever order, the two hear
each other only once they are connected, and nobody stays whom nobody cares for.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard_agent.transport.base import TRANSFER_SECONDS, NotReachedError, Transferred
from switchboard_agent.transport.livekit.control import Occupants, RoomControlError
from switchboard_agent.transport.livekit.dialling import Dial
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.transport import LiveKitTransport, open_call
from switchboard_contract.call_events import TransferResult
from tests.agent.transport.fakes import ROOM, FakeServer
from tests.agent.transport.test_transport import TICKET
from tests.support.virtual_time import run_virtual

CALLER, CALLER_TRACK, HUMAN_TRACK = "sip_1", 51, 70


class World:
    """One room with a caller, a worker and a telephone somewhere."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.present = {CALLER}
        self.human = ""
        self.removed: list[str] = []
        self.deaf: dict[str, bool] = {}
        """Whether the server was last told that somebody must not hear the other."""
        self.heard_early = False
        self.broken = False
        self.ringing: asyncio.Future[Transferred] | None = None
        self.transport: LiveKitTransport
        self.asked: list[Dial] = []

    # --- CallControl ------------------------------------------------------------------------

    async def remove(self, room: str, identity: str) -> None:  # noqa: ARG002 the seam
        self.removed.append(identity)
        self.leaves(identity)

    async def delete(self, room: str) -> None:
        raise AssertionError("nobody asks for it", room)

    async def transfer(self, room: str, identity: str, to: str) -> Transferred:
        raise AssertionError("nobody asks for it", room, identity, to)

    async def occupants(self, room: str) -> Occupants:  # noqa: ARG002 the seam
        return Occupants((), 0)

    async def dial(self, asked: Dial) -> Transferred:
        self.asked.append(asked)
        self.human = asked.identity
        self.ringing = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(TRANSFER_SECONDS, self.rings_no_more, self.ringing)
        return await self.ringing

    async def subscribe(
        self,
        room: str,  # noqa: ARG002 the seam
        identity: str,
        tracks: Sequence[str],
        *,
        wanted: bool,
    ) -> None:
        await asyncio.sleep(0.01)
        if self.broken:
            raise RoomControlError("the server is away")
        assert tracks == [f"TR_{HUMAN_TRACK if identity == CALLER else CALLER_TRACK}"]
        self.deaf[identity] = not wanted

    # --- what happens -----------------------------------------------------------------------

    async def open(self) -> None:
        opening = asyncio.ensure_future(open_call(cast("FfiDemux", self.server), self, TICKET))
        await asyncio.sleep(0.01)
        self.server.joined((CALLER, "sip"), status="active")
        await asyncio.sleep(0.01)
        self.server.published()
        self.transport = await opening
        self.server.publishes(CALLER, CALLER_TRACK)

    def start(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(work)

    async def consult(self, briefing_seconds: float = 1.0) -> None:
        async with self.transport.consult("tel:+15550199", "main") as human:
            self.heard_early |= not (self.deaf.get(CALLER) and self.deaf.get(self.human))
            await asyncio.sleep(briefing_seconds)
            self.heard_early |= not (self.deaf.get(CALLER) and self.deaf.get(self.human))
            await human.connect()

    async def rings(self) -> None:
        """The second voice is known, and the bridge has joined for the human."""
        await asyncio.sleep(0.01)
        self.server.published()
        await asyncio.sleep(0.01)
        self.comes()

    def comes(self) -> None:
        if self.human and self.human not in self.present and ROOM in self.server.rooms:
            self.present.add(self.human)
            self.server.comes(self.human, "sip")

    def answers(self, result: TransferResult = TransferResult.SUCCEEDED) -> None:
        if self.ringing is None or self.ringing.done() or self.human not in self.present:
            return
        self.ringing.set_result(Transferred(result))
        if result is TransferResult.SUCCEEDED:
            self.deaf |= {CALLER: False, self.human: False}  # the bridge subscribes
            self.server.publishes(self.human, HUMAN_TRACK)
        else:
            self.leaves(self.human)

    def breaks(self) -> None:
        self.broken = True

    def rings_no_more(self, ringing: asyncio.Future[Transferred]) -> None:
        """The bridge gives up."""
        if not ringing.done():
            ringing.set_result(Transferred(TransferResult.NO_ANSWER))
            self.leaves(self.human)

    def leaves(self, identity: str) -> None:
        if identity in self.present:
            self.present.discard(identity)
            if identity == self.human and self.ringing is not None and not self.ringing.done():
                self.ringing.set_result(Transferred(TransferResult.NO_ANSWER))
            if ROOM in self.server.rooms:
                self.server.leaves(identity)

    async def hang_up(self) -> None:
        """As a call's job does at its end."""
        hanging_up = asyncio.ensure_future(self.transport.hang_up())
        while not hanging_up.done():
            await asyncio.sleep(0.01)
            if self.server.replies:
                self.server.answer("disconnect")
        await hanging_up

    @property
    def together(self) -> bool:
        return self.deaf == {CALLER: False, self.human: False}


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


@pytest.mark.parametrize("leaver", ["caller", "human"])
def test_the_worker_stays_until_one_leaves_and_puts_the_other_out(leaver: str) -> None:
    async def scene() -> None:
        world = await connected()
        staying = world.start(world.transport.wait_until_parted())
        await asyncio.sleep(600)
        assert not staying.done()
        assert world.removed == []
        world.leaves(CALLER if leaver == "caller" else world.human)
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
