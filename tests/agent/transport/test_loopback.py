import asyncio

import numpy as np

from switchboard_agent.transport.base import CallInfo, CloseReason, Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from tests.support.speech_fakes import tone
from tests.support.virtual_time import run_virtual

INFO = CallInfo(call_id="c", agent="a/b", revision="r")


class Ears:
    """A listener that notes what it is told."""

    def __init__(self) -> None:
        self.frames: list[Pcm] = []
        self.digits = ""
        self.reasons: list[CloseReason] = []

    def on_audio(self, frame: Pcm) -> None:
        self.frames.append(frame)

    def on_dtmf(self, digit: str) -> None:
        self.digits += digit

    def on_closed(self, reason: CloseReason) -> None:
        self.reasons.append(reason)


def test_what_the_caller_said_before_the_agent_listened_is_not_lost() -> None:
    async def main() -> Ears:
        transport, ears = LoopbackTransport(INFO), Ears()
        transport.send(tone(20))
        transport.attach(ears)
        transport.send(tone(20))
        return ears

    assert len(run_virtual(main()).frames) == 2


def test_a_caller_sends_a_frame_every_20_ms_and_says_every_sample() -> None:
    async def main() -> tuple[Ears, LoopbackTransport]:
        transport, ears = LoopbackTransport(INFO), Ears()
        transport.attach(ears)
        caller = LoopbackCaller(transport)
        running = asyncio.ensure_future(caller.run())
        await asyncio.sleep(0.5)
        await caller.say(tone(105))
        await asyncio.sleep(0.4)
        caller.press("5")
        caller.hang_up()
        await running
        return ears, transport

    ears, transport = run_virtual(main())
    times = [heard.at_seconds for heard in transport.recording.caller]
    assert np.allclose(np.diff(times), 0.02)
    heard = np.concatenate(ears.frames)
    first = np.flatnonzero(heard)[0] - 1
    assert np.array_equal(heard[first:][: len(tone(105))], tone(105))
    assert ears.digits == "5"
    assert ears.reasons == [CloseReason.CALLER_LEFT]


def test_the_recording_has_both_sides_at_their_times() -> None:
    async def main() -> LoopbackTransport:
        transport = LoopbackTransport(INFO)
        transport.send(tone(20))
        await asyncio.sleep(0.1)
        transport.play(tone(20))
        transport.play(tone(20))
        return transport

    stereo = run_virtual(main()).recording.stereo()
    assert stereo.shape == (16 * 140, 2)
    assert np.array_equal(stereo[: 16 * 20, 0], tone(20))
    assert not stereo[16 * 20 :, 0].any()
    assert not stereo[: 16 * 100, 1].any()
    assert np.array_equal(stereo[16 * 120 :, 1], tone(20))


def test_nothing_is_heard_after_hanging_up() -> None:
    async def main() -> tuple[Ears, LoopbackTransport]:
        transport, ears = LoopbackTransport(INFO), Ears()
        transport.attach(ears)
        await transport.hang_up()
        await transport.hang_up()
        transport.send(tone(20))
        transport.play(tone(20))
        transport.press("1")
        transport.close(CloseReason.CALLER_LEFT)
        return ears, transport

    ears, transport = run_virtual(main())
    assert (ears.frames, ears.digits, ears.reasons) == ([], "", [])
    assert transport.recording.agent == []
