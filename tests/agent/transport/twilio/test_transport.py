"""A call on a stream: nothing early is lost, the stream may be replaced, the end comes once."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from switchboard_agent.transport.base import (
    FRAME_SAMPLES,
    BufferedTransport,
    CallInfo,
    CloseReason,
    Pcm,
    Transferred,
)
from switchboard_agent.transport.twilio.messages import Digit, MarkReached, Media, Stopped
from switchboard_agent.transport.twilio.sound import WAIT_SECONDS, PhoneSound
from switchboard_agent.transport.twilio.transport import (
    KEPT_FRAMES,
    LAST_WORDS_SECONDS,
    RESUME_SECONDS,
    TwilioTransport,
)
from switchboard_contract.call_events import Channel, TransferResult
from tests.support.virtual_time import run_virtual

INFO = CallInfo("CA1", "ns/agent", "r1", Channel.TWILIO)
FRAME = np.zeros(FRAME_SAMPLES, dtype=np.int16)
SOUND = Media(2, "MZ1", b"\xff" * 160)


@dataclass
class FakeWire:
    """Keeps what is sent."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    closed: int = 0
    reads: bool = True
    broken: bool = False

    def send(self, message: bytes) -> bool:
        if self.broken:
            raise RuntimeError("broken")
        self.sent.append(json.loads(message))
        return self.reads

    async def close(self) -> None:
        self.closed += 1

    @property
    def events(self) -> list[str]:
        return [message["event"] for message in self.sent]


@dataclass
class Notes:
    """A listener that writes down what it is told."""

    seen: list[str] = field(default_factory=list)
    broken: bool = False

    def on_audio(self, frame: Pcm) -> None:
        if self.broken:
            raise RuntimeError("broken")
        self.seen.append(f"{frame.size} samples")

    def on_dtmf(self, digit: str) -> None:
        self.seen.append(f"key {digit}")

    def on_closed(self, reason: CloseReason) -> None:
        self.seen.append(reason.value)


class Call:
    """A transport with its surroundings."""

    def __init__(self, sound: PhoneSound | None = None) -> None:
        self.ends: list[bool] = []
        self.wire = FakeWire()
        self.notes = Notes()
        self.sound = sound or PhoneSound()
        self.transport = TwilioTransport(INFO, self._over, self.sound)

    async def _over(self, goes_on: bool) -> None:
        self.ends.append(goes_on)

    def start(self) -> TwilioTransport:
        assert self.transport.connect(self.wire, "MZ1")
        self.transport.attach(self.notes)
        return self.transport


def call(script: Callable[[Call], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await script(Call())

    run_virtual(run())


def test_sound_and_keys_before_the_engine_listens_come_first_and_in_order() -> None:
    async def script(c: Call) -> None:
        c.transport.connect(c.wire, "MZ1")
        c.transport.receive(SOUND)
        c.transport.receive(Digit(3, "MZ1", "5"))
        c.transport.attach(c.notes)
        c.transport.receive(SOUND)
        await asyncio.sleep(WAIT_SECONDS)
        assert c.notes.seen == ["320 samples", "key 5", "320 samples"]

    call(script)


def test_frame_goes_out_in_the_same_turn_of_the_loop_as_mulaw_with_a_mark_every_200_ms() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        for _ in range(10):
            transport.play(FRAME)
        await asyncio.sleep(0)
        assert c.wire.events == ["media"] * 10 + ["mark"]
        assert base64.b64decode(c.wire.sent[0]["media"]["payload"]) == b"\xff" * 160
        assert all(message["streamSid"] == "MZ1" for message in c.wire.sent)

    call(script)


def test_a_caller_cannot_be_put_through_and_stays() -> None:
    async def script(c: Call) -> None:
        transferred = await c.start().transfer("tel:+15550199")
        assert transferred == Transferred(TransferResult.UNSUPPORTED)
        assert (c.wire.sent, c.ends) == ([], [])

    call(script)


def test_interruption_clears_the_queue_and_says_what_was_not_heard() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        assert isinstance(transport, BufferedTransport)
        for _ in range(20):
            transport.play(FRAME)
        await asyncio.sleep(0.1)
        assert transport.drop_unplayed() == 300 * 16
        assert c.wire.events[-1] == "clear"

    call(script)


def test_caller_who_hangs_up_is_reported_once_and_the_call_is_not_ended_again() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        transport.receive(Stopped(2, "MZ1"))
        transport.disconnect(c.wire, for_good=False)
        await transport.hang_up()
        await transport.hang_up()
        assert c.notes.seen == ["caller_left"]
        assert c.ends == [False]

    call(script)


def test_hang_up_waits_for_the_last_words_and_ends_the_call_at_twilio() -> None:
    async def script(c: Call) -> None:
        loop = asyncio.get_running_loop()
        transport = c.start()
        for _ in range(5):
            transport.play(FRAME)
        hanging_up = asyncio.ensure_future(transport.hang_up())
        await asyncio.sleep(0.05)
        assert (c.ends, c.wire.closed) == ([], 0)
        transport.receive(MarkReached(9, "MZ1", c.wire.sent[-1]["mark"]["name"]))
        await hanging_up
        assert loop.time() < 0.1
        assert (c.ends, c.wire.closed) == ([True], 1)
        transport.play(FRAME)
        assert c.wire.events[-1] == "mark"

    call(script)


def test_hang_up_does_not_wait_for_ever_for_a_mark() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        transport.play(FRAME)
        await transport.hang_up()
        assert asyncio.get_running_loop().time() <= LAST_WORDS_SECONDS + 0.01
        assert c.wire.closed == 1

    call(script)


def test_lost_stream_is_replaced_and_what_was_said_meanwhile_is_sent() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        transport.disconnect(c.wire, for_good=False)
        transport.play(FRAME)
        transport.play(FRAME)
        await asyncio.sleep(RESUME_SECONDS / 2)
        second = FakeWire()
        assert transport.connect(second, "MZ2")
        assert [m["streamSid"] for m in second.sent] == ["MZ2", "MZ2"]
        transport.receive(SOUND)
        transport.disconnect(c.wire, for_good=False)  # the old socket is noticed late
        await asyncio.sleep(RESUME_SECONDS * 2)
        assert c.notes.seen == ["320 samples"]
        transport.play(FRAME)
        await asyncio.sleep(0)
        assert second.events == ["media"] * 3

    call(script)


def test_lost_stream_that_is_not_replaced_ends_the_call() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        transport.disconnect(c.wire, for_good=False)
        await asyncio.sleep(RESUME_SECONDS + 0.1)
        assert c.notes.seen == ["lost"]
        assert not transport.connect(FakeWire(), "MZ2")
        await transport.hang_up()
        assert c.ends == [True]

    call(script)


def test_stream_that_broke_the_protocol_is_not_waited_for() -> None:
    async def script(c: Call) -> None:
        c.start().disconnect(c.wire, for_good=True)
        assert c.notes.seen == ["lost"]

    call(script)


def test_what_is_said_without_a_stream_takes_bounded_memory_and_was_not_heard() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        transport.disconnect(c.wire, for_good=False)
        for _ in range(KEPT_FRAMES * 2):
            transport.play(FRAME)
        assert transport.drop_unplayed() == KEPT_FRAMES * FRAME_SAMPLES

    call(script)


def test_peer_that_does_not_read_loses_the_call() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        c.wire.reads = False
        transport.play(FRAME)
        transport.play(FRAME)
        await asyncio.sleep(0)
        assert c.notes.seen == ["lost"]
        assert c.wire.events == ["media"]

    call(script)


def test_stream_that_breaks_in_a_pass_takes_no_sound_from_other_calls() -> None:
    async def script(c: Call) -> None:
        other = Call(c.sound)
        c.wire.broken = True
        for one in (c, other):
            one.start().play(FRAME)
        await asyncio.sleep(0)
        assert (c.notes.seen, other.notes.seen) == (["lost"], [])
        assert other.wire.events == ["media"]

    call(script)


def test_call_that_breaks_in_a_pass_takes_no_sound_from_other_callers() -> None:
    async def script(c: Call) -> None:
        other = Call(c.sound)
        c.notes.broken = True
        for one in (c, other):
            one.start().receive(SOUND)
        await asyncio.sleep(WAIT_SECONDS)
        assert (c.notes.seen, other.notes.seen) == (["lost"], ["320 samples"])

    call(script)


def test_nothing_that_was_said_before_the_end_is_lost() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        transport.receive(SOUND)
        transport.receive(Stopped(3, "MZ1"))
        assert c.notes.seen == ["320 samples", "caller_left"]
        await asyncio.sleep(WAIT_SECONDS)
        assert c.notes.seen == ["320 samples", "caller_left"]

    call(script)


def test_frame_played_in_the_same_turn_as_an_interruption_counts_as_not_heard() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        transport.play(FRAME)
        assert transport.drop_unplayed() == FRAME_SAMPLES
        await asyncio.sleep(0)
        assert c.wire.events == ["media", "clear"]

    call(script)


def test_call_can_be_cut() -> None:
    async def script(c: Call) -> None:
        transport = c.start()
        transport.cut()
        await transport.hang_up()
        assert c.notes.seen == ["room_closed"]
        assert c.ends == [True]

    call(script)


class Asleep:
    """A process that slept while its call went to another worker."""

    stalled = True

    def __init__(self) -> None:
        self.transport: TwilioTransport | None = None

    async def passed(self) -> None:
        assert self.transport is not None
        self.transport.abandon()


def test_process_that_was_asleep_learns_before_the_end_that_its_call_is_anothers() -> None:
    async def script(_: Call) -> None:
        fence, removed = Asleep(), []

        async def over(_goes_on: bool) -> None:
            removed.append(transport.removed)

        transport = fence.transport = TwilioTransport(INFO, over, PhoneSound(), fence)
        transport.connect(FakeWire(), "MZ1")
        await transport.hang_up()
        assert removed == [True]

    call(script)
