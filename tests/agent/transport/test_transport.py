"""A call in a room: nothing said early is lost, the end comes once, nothing is left behind."""

import asyncio
import ctypes
from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
from livekit.rtc._proto.participant_pb2 import DisconnectReason

from switchboard_agent.recovery.fence import Fence
from switchboard_agent.transport.base import FRAME_SAMPLES, CloseReason, Pcm, Transferred
from switchboard_agent.transport.livekit import transport as module
from switchboard_agent.transport.livekit.control import Occupants
from switchboard_agent.transport.livekit.dialling import Dial
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.room import RoomError
from switchboard_agent.transport.livekit.transport import (
    CallTicket,
    LiveKitTransport,
    NoCallerError,
    open_call,
)
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.call_events import TransferResult
from tests.agent.transport.fakes import ROOM, FakeServer

TICKET = CallTicket(
    job_id="AJ_1",
    room="room",
    url="ws://livekit",
    token="token",
    dispatch=DispatchMetadata(agent="ns/agent", revision="r1"),
)


class Control:
    """Notes what is asked of rooms."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def remove(self, room: str, identity: str) -> None:
        self.done.append(f"remove {identity} from {room}")

    async def delete(self, room: str) -> None:
        self.done.append(f"delete {room}")

    async def transfer(self, room: str, identity: str, to: str) -> Transferred:
        self.done.append(f"transfer {identity} from {room} to {to}")
        return Transferred(TransferResult.SUCCEEDED)

    async def dial(self, asked: Dial) -> Transferred:
        raise AssertionError("nobody asks for it", asked)

    async def subscribe(
        self, room: str, identity: str, tracks: Sequence[str], *, wanted: bool
    ) -> None:
        raise AssertionError("nobody asks for it", room, identity, tracks, wanted)

    async def occupants(self, room: str) -> Occupants:  # noqa: ARG002 the seam
        return Occupants((), 0)


class Notes:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_audio(self, frame: Pcm) -> None:
        self.seen.append(f"{frame.size} samples")

    def on_dtmf(self, digit: str) -> None:
        self.seen.append(f"key {digit}")

    def on_closed(self, reason: CloseReason) -> None:
        self.seen.append(reason.value)


async def turn_loop() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Call:
    """A transport being opened on a fake server."""

    def __init__(self, fence: Fence | None = None) -> None:
        self.server = FakeServer()
        self.control = Control()
        self.opening = asyncio.ensure_future(
            open_call(cast("FfiDemux", self.server), self.control, TICKET, fence)
        )

    async def open(self, status: str = "") -> LiveKitTransport:
        """Joined, published, with a phone in the room."""
        await turn_loop()
        self.server.joined(("sip_1", "sip"), status=status)
        await turn_loop()
        self.server.published()
        return await self.opening

    async def hang_up(self, transport: LiveKitTransport) -> None:
        task = asyncio.ensure_future(transport.hang_up())
        await turn_loop()
        if self.control.done and ROOM in self.server.rooms:
            self.server.leaves("sip_1")
        await turn_loop()
        if self.server.replies:
            self.server.answer("disconnect")
        await task


@pytest.fixture
async def call() -> Call:
    return Call()


async def test_track_is_published_before_anybody_is_waited_for(call: Call) -> None:
    await turn_loop()
    call.server.joined()
    await turn_loop()
    kinds = [request.WhichOneof("message") for request in call.server.requests]
    assert "publish_track" in kinds
    call.server.published()
    await turn_loop()
    call.server.comes("sip_1", "sip")
    transport = await call.opening
    assert transport.info.agent == "ns/agent"


async def test_caller_is_the_first_who_is_no_agent_and_no_recorder(call: Call) -> None:
    await turn_loop()
    call.server.joined(("other-agent", "agent"), ("recorder", "egress"))
    await turn_loop()
    call.server.published()
    await turn_loop()
    assert not call.opening.done()
    call.server.comes("web-caller", "standard")
    await call.opening


async def test_only_the_callers_audio_is_subscribed(call: Call) -> None:
    await call.open()
    call.server.comes("other-agent", "agent")
    call.server.publishes("other-agent", 50)
    call.server.publishes("sip_1", 51)
    call.server.publishes("sip_1", 52, video=True)
    assert call.server.subscribed == [51]


async def test_what_the_caller_did_before_the_engine_listened_comes_first(call: Call) -> None:
    transport = await call.open()
    call.server.can_be_heard("sip_1", 60)
    call.server.speaks()
    call.server.presses("sip_1", "5")
    notes = Notes()
    transport.attach(notes)
    call.server.speaks()
    assert notes.seen == ["320 samples", "key 5", "320 samples"]


async def test_keys_and_voices_of_others_are_not_the_callers(call: Call) -> None:
    transport = await call.open()
    notes = Notes()
    transport.attach(notes)
    call.server.comes("supervisor", "standard")
    call.server.can_be_heard("supervisor", 61)
    call.server.speaks()
    call.server.presses("supervisor", "9")
    call.server.leaves("supervisor")
    assert notes.seen == []


async def test_caller_who_left_before_the_engine_listened_is_reported_on_attach(
    call: Call,
) -> None:
    transport = await call.open()
    call.server.leaves("sip_1")
    notes = Notes()
    transport.attach(notes)
    assert notes.seen == ["caller_left"]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (DisconnectReason.ROOM_DELETED, "room_closed"),
        (DisconnectReason.PARTICIPANT_REMOVED, "removed"),
        (DisconnectReason.DUPLICATE_IDENTITY, "removed"),
        (DisconnectReason.CONNECTION_TIMEOUT, "lost"),
        (DisconnectReason.UNKNOWN_REASON, "lost"),
    ],
)
async def test_end_of_the_room_is_told_apart_from_its_loss(
    call: Call, reason: int, expected: str
) -> None:
    transport = await call.open()
    notes = Notes()
    transport.attach(notes)
    call.server.closes(reason)
    call.server.closes(reason)
    assert notes.seen == [expected]


async def test_hang_up_removes_the_caller_leaves_and_releases_everything_once(call: Call) -> None:
    transport = await call.open()
    call.server.can_be_heard("sip_1", 60)
    notes = Notes()
    transport.attach(notes)
    await call.hang_up(transport)
    await call.hang_up(transport)

    assert call.control.done == ["remove sip_1 from room"]
    assert notes.seen == []
    assert call.server.rooms == {}
    assert call.server.captures == {}
    assert len(call.server.dropped) == len(set(call.server.dropped))
    assert {ROOM, 8, 20, 30, 60} <= set(call.server.dropped)


async def test_hang_up_stays_until_the_caller_was_seen_leaving(call: Call) -> None:
    transport = await call.open()
    hanging_up = asyncio.ensure_future(transport.hang_up())
    await turn_loop()
    assert call.control.done == ["remove sip_1 from room"]
    assert call.server.replies == {}, "left before the library saw the caller go"
    call.server.leaves("sip_1")
    await turn_loop()
    call.server.answer("disconnect")
    await hanging_up


async def test_hang_up_does_not_wait_for_ever(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLER_LEAVES_SECONDS", 0.0)
    transport = await call.open()
    hanging_up = asyncio.ensure_future(transport.hang_up())
    await asyncio.sleep(0.01)
    call.server.answer("disconnect")
    await hanging_up


async def test_hang_up_after_the_caller_left_asks_nothing_of_the_server(call: Call) -> None:
    transport = await call.open()
    transport.attach(Notes())
    call.server.leaves("sip_1")
    await call.hang_up(transport)
    assert call.control.done == []


async def test_word_of_the_room_goes_before_the_job_termination(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TERMINATION_GRACE_SECONDS", 0.01)
    transport = await call.open()
    notes = Notes()
    transport.attach(notes)
    transport.terminate()
    call.server.leaves("sip_1")
    await asyncio.sleep(0.02)
    assert notes.seen == ["caller_left"]


async def test_job_termination_alone_ends_the_call(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TERMINATION_GRACE_SECONDS", 0.0)
    transport = await call.open()
    notes = Notes()
    transport.attach(notes)
    transport.terminate()
    await asyncio.sleep(0.01)
    assert notes.seen == ["room_closed"]


async def test_refused_join_tells_the_caller_by_closing_the_room(call: Call) -> None:
    await turn_loop()
    call.server.answer("connect", lambda event: setattr(event.connect, "error", "no such room"))
    with pytest.raises(RoomError, match="no such room"):
        await call.opening
    assert call.control.done == ["delete room"]


async def test_room_without_a_caller_is_given_up(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALLER_TIMEOUT_SECONDS", 0.01)
    await turn_loop()
    call.server.joined()
    await turn_loop()
    call.server.published()
    await asyncio.sleep(0.02)
    call.server.answer("disconnect")
    with pytest.raises(NoCallerError):
        await call.opening


async def test_cancelled_join_leaves_the_room_when_it_comes_true_after_all(call: Call) -> None:
    await turn_loop()
    call.opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.opening
    call.server.joined(("sip_1", "sip"))
    await turn_loop()
    assert [request.WhichOneof("message") for request in call.server.requests][-1] == "disconnect"
    assert {ROOM, 8, 20} <= set(call.server.dropped)


class Sleeper:
    """A fence of a process that was asleep until a test says otherwise."""

    def __init__(self) -> None:
        self.stalled = True
        self.awake = asyncio.Event()

    async def passed(self) -> None:
        await self.awake.wait()


async def test_a_process_that_was_asleep_says_nothing() -> None:
    fence = Sleeper()
    call = Call(fence)
    transport = await call.open()
    transport.play(np.zeros(FRAME_SAMPLES, np.int16))
    assert call.server.posted == []
    fence.stalled = False
    transport.play(np.zeros(FRAME_SAMPLES, np.int16))
    assert len(call.server.posted) == 1


async def test_a_frame_of_silence_follows_the_voice_on_the_wire(call: Call) -> None:
    transport = await call.open()
    transport.play(np.full(FRAME_SAMPLES, 1000, np.int16))
    transport.play_silence()
    loud: list[bool] = []
    while len(loud) < len(call.server.posted):  # each 10 ms are sent once the last are answered
        capture = call.server.posted[-1].capture_audio_frame
        pcm = (ctypes.c_int16 * capture.buffer.samples_per_channel).from_address(
            capture.buffer.data_ptr
        )
        loud.append(any(pcm))
        call.server.captures[capture.request_async_id]("")
    assert loud == [True] * 2 + [False] * 2


async def test_a_process_that_was_asleep_hangs_up_on_nobody_who_is_served_elsewhere() -> None:
    fence = Sleeper()
    call = Call(fence)
    transport = await call.open()
    hanging_up = asyncio.ensure_future(transport.hang_up())
    await turn_loop()
    assert call.control.done == []
    transport.abandon()
    fence.awake.set()
    await turn_loop()
    call.server.answer("disconnect")
    await hanging_up
    assert call.control.done == []


async def test_a_call_that_is_let_go_of_leaves_the_caller_in_the_room(call: Call) -> None:
    transport = await call.open()
    notes = Notes()
    transport.attach(notes)
    transport.abandon()
    assert notes.seen == ["removed"]
    await call.hang_up(transport)
    assert call.control.done == []
    assert call.server.rooms == {}


async def test_the_bridge_is_asked_to_put_the_caller_through(call: Call) -> None:
    transport = await call.open()
    assert await transport.transfer("tel:+15550199") == Transferred(TransferResult.SUCCEEDED)
    assert call.control.done == ["transfer sip_1 from room to tel:+15550199"]


async def test_a_caller_who_left_is_not_put_through(call: Call) -> None:
    transport = await call.open()
    call.server.leaves("sip_1")
    assert await transport.transfer("tel:+15550199") == Transferred(TransferResult.FAILED)
    assert call.control.done == []
