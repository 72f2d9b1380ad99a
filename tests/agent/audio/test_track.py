"""An unbroken track: one frame every 20 ms whatever is said when."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from switchboard_agent.audio.pacer import Pacer
from switchboard_agent.audio.track import UnbrokenTrack, track_of
from switchboard_agent.transport.base import CallInfo, Pcm
from switchboard_agent.transport.loopback import LoopbackTransport
from tests.support.virtual_time import VirtualTimeLoop, run_virtual

WORD = np.ones(320, np.int16)


class Wire(LoopbackTransport):
    """A wire that must not fall silent; keeps when what was sent: V for voice, s for silence."""

    def __init__(self) -> None:
        super().__init__(CallInfo("call-1", "clinic/desk", "abc"))
        self.sent: list[tuple[float, str]] = []
        self.broken = False

    @override
    def play(self, frame: Pcm) -> None:
        assert frame is WORD
        self._note("V")

    def play_silence(self) -> None:
        self._note("s")

    def _note(self, what: str) -> None:
        if self.broken:
            raise OSError("the wire is broken")
        self.sent.append((round(self._loop.time(), 6), what))

    @property
    def picture(self) -> str:
        return "".join(what for _, what in self.sent)


class Voice:
    """Says so many frames."""

    def __init__(
        self, track: UnbrokenTrack, frames: int, then: Callable[[], None] = lambda: None
    ) -> None:
        self._track = track
        self._left = frames
        self._then = then

    def play_next(self) -> bool:
        self._left -= 1
        self._track.play(WORD)
        if not self._left:
            self._track.stop(self.play_next)
            self._then()
        return self._left > 0


def unbroken(wire: Wire, pacer: Pacer | None = None) -> UnbrokenTrack:
    track = track_of(wire, pacer or Pacer())
    assert isinstance(track, UnbrokenTrack)
    return track


def test_nothing_is_sent_before_the_first_word_and_silence_from_its_end_on() -> None:
    async def main() -> Wire:
        wire = Wire()
        track = unbroken(wire)
        await asyncio.sleep(0.107)
        track.start(Voice(track, 2).play_next)
        await asyncio.sleep(0.07)
        track.close()
        await asyncio.sleep(1)
        return wire

    assert run_virtual(main()).sent == [(0.107, "V"), (0.127, "V"), (0.147, "s"), (0.167, "s")]


def test_a_later_voice_is_heard_at_once_and_its_lead_is_given_back_after_it() -> None:
    async def main() -> Wire:
        wire = Wire()
        track = unbroken(wire)
        track.start(Voice(track, 1).play_next)
        await asyncio.sleep(0.047)
        track.start(Voice(track, 2).play_next)
        await asyncio.sleep(0.08)
        track.close()
        return wire

    assert run_virtual(main()).sent == [
        (0.0, "V"),
        (0.02, "s"),
        (0.04, "s"),
        (0.047, "V"),
        (0.06, "V"),
        (0.1, "s"),
        (0.12, "s"),
    ]


def test_a_voice_whose_next_part_is_late_is_waited_for_in_silence() -> None:
    async def main() -> str:
        wire = Wire()
        track = unbroken(wire)
        frames = iter([WORD, None, None, WORD])

        def play_next() -> bool:
            frame = next(frames, None)
            if frame is not None:
                track.play(frame)
            return True

        track.start(play_next)
        await asyncio.sleep(0.07)
        track.close()
        return wire.picture

    assert run_virtual(main()) == "VssV"


def test_a_voice_that_begins_where_another_ends_is_said_to_its_end() -> None:
    async def main() -> str:
        wire = Wire()
        track = unbroken(wire)
        second = Voice(track, 3)
        track.start(Voice(track, 2, lambda: track.start(second.play_next)).play_next)
        await asyncio.sleep(0.11)
        track.close()
        return wire.picture

    assert run_virtual(main()) == "VVVVVs"


def test_a_wire_that_breaks_in_silence_leaves_other_calls_alone_and_fails_the_next_word() -> None:
    async def main() -> tuple[Wire, bool]:
        pacer, wire, other = Pacer(), Wire(), Wire()
        track, beside = unbroken(wire, pacer), unbroken(other, pacer)
        for each in (track, beside):
            each.start(Voice(each, 1).play_next)
        wire.broken = True
        await asyncio.sleep(0.1)
        failed = False
        try:
            track.start(Voice(track, 1).play_next)
        except OSError:
            failed = True
        beside.close()
        return other, failed

    other, failed = run_virtual(main())
    assert other.picture == "Vsssss"
    assert failed


def late(loop: asyncio.AbstractEventLoop, times: int) -> None:
    """Have the loop stand still for a while, again and again."""
    assert isinstance(loop, VirtualTimeLoop)
    for count in range(times):
        loop.call_later(0.1 + count / 2, loop.advance, 0.07)


def test_who_is_late_again_and_again_gives_up_silence_but_for_what_ends_a_sound() -> None:
    async def main() -> tuple[str, str]:
        wire = Wire()
        track = unbroken(wire)
        late(asyncio.get_running_loop(), 3)
        track.start(Voice(track, 1).play_next)
        await asyncio.sleep(2)
        before = len(wire.picture)
        track.start(Voice(track, 2).play_next)
        await asyncio.sleep(6)
        strained = wire.picture[before:]
        track.start(Voice(track, 1).play_next)
        await asyncio.sleep(0.2)
        track.close()
        return strained, wire.picture[before + len(strained) :]

    strained, relieved = run_virtual(main())
    assert strained == "VVsss"
    assert relieved == "Vsssssssss"


def test_a_loop_that_was_late_once_or_twice_goes_on_with_silence() -> None:
    async def main() -> str:
        wire = Wire()
        track = unbroken(wire)
        late(asyncio.get_running_loop(), 2)
        track.start(Voice(track, 1).play_next)
        await asyncio.sleep(2)
        track.close()
        return wire.picture

    assert len(run_virtual(main())) == pytest.approx(100, abs=1)


def test_a_call_that_ends_with_its_first_frame_sends_nothing_more() -> None:
    async def main() -> str:
        wire = Wire()
        track = unbroken(wire)
        track.start(Voice(track, 1, track.close).play_next)
        await asyncio.sleep(1)
        return wire.picture

    assert run_virtual(main()) == "V"


@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.integers(1, 6), st.booleans()), min_size=1, max_size=12
    )
)
def test_whatever_is_said_when_the_stream_never_runs_ahead_or_behind_by_two_frames(
    said: list[tuple[int, int, bool]],
) -> None:
    async def main() -> Wire:
        wire = Wire()
        track = unbroken(wire)
        for wait_ms, frames, stopped in said:
            voice = Voice(track, frames)
            track.start(voice.play_next)
            await asyncio.sleep(wait_ms / 1000)
            if stopped:
                track.stop(voice.play_next)
        await asyncio.sleep(0.2)
        track.close()
        return wire

    sent = run_virtual(main()).sent
    for number, (at_seconds, _) in enumerate(sent):
        assert abs(number - at_seconds / 0.02) < 2
