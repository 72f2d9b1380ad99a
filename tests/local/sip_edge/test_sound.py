"""Order, mixing and pace of the sound."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from switchboard_local.sip_edge.caller_stream import CallerStream
from switchboard_local.sip_edge.mixer import MAX_FRAMES, START_FRAMES, Mixer, TrackQueue
from switchboard_local.sip_edge.pacer import HALF_TICK_S, MAX_CATCH_UP, Pacer
from switchboard_media.pcm import Pcm
from tests.support.virtual_time import VirtualTimeLoop, run_virtual

FRAME = 160


def frame(value: int) -> Pcm:
    return np.full(FRAME, value, np.int16)


def test_a_queue_starts_with_two_frames_and_keeps_their_order() -> None:
    queue = TrackQueue()
    queue.push(frame(1))
    assert queue.pull() is None
    queue.push(frame(2))
    pulled = [queue.pull(), queue.pull(), queue.pull()]
    assert [None if f is None else int(f[0]) for f in pulled] == [1, 2, None]
    assert queue.underruns == 1


def test_a_full_queue_loses_its_oldest() -> None:
    queue = TrackQueue()
    for value in range(MAX_FRAMES + 3):
        queue.push(frame(value))
    first = queue.pull()
    assert first is not None
    assert first[0] == 3
    assert queue.dropped == 3


def test_a_queue_that_stays_long_is_shortened_where_it_is_quiet_only() -> None:
    def play(value: int) -> int:
        queue = TrackQueue()
        for _ in range(START_FRAMES + 4):
            queue.push(frame(value))
        for _ in range(200):
            queue.pull()
            queue.push(frame(value))
        return queue.dropped

    assert play(10_000) == 0
    assert play(50) == 3


def test_several_speakers_are_added_up_and_clipped() -> None:
    mixer = Mixer()
    for name in ("a", "b"):
        queue = mixer.add(name)
        for _ in range(START_FRAMES):
            queue.push(frame(20_000))
    mixed = mixer.pull()
    assert mixed is not None
    assert mixed.dtype == np.int16
    assert set(mixed.tolist()) == {32_767}
    mixer.remove("a")
    alone = mixer.pull()
    assert alone is not None
    assert alone[0] == 20_000


def test_a_flush_forgets_what_was_said_before_the_answer() -> None:
    mixer = Mixer()
    queue = mixer.add("a")
    for _ in range(START_FRAMES):
        queue.push(frame(1))
    mixer.flush()
    assert mixer.pull() is None


def test_caller_packets_in_order_have_no_gaps() -> None:
    stream = CallerStream(8000)
    gaps = [stream.accept(1, n % 65_536, n * FRAME % 2**32, FRAME) for n in range(65_530, 65_545)]
    assert set(gaps) == {0}
    assert (stream.lost, stream.late) == (0, 0)


def test_a_missing_packet_is_counted_and_its_time_returned() -> None:
    stream = CallerStream(8000)
    stream.accept(1, 10, 1600, FRAME)
    assert stream.accept(1, 13, 13 * FRAME, FRAME) == 2 * FRAME
    assert stream.lost == 2
    assert stream.accept(1, 12, 12 * FRAME, FRAME) is None
    assert stream.late == 1


def test_silence_suppression_and_jumps_are_not_filled() -> None:
    stream = CallerStream(8000)
    stream.accept(1, 1, 0, FRAME)
    assert stream.accept(1, 2, 800_000, FRAME) == 0
    assert stream.accept(2, 9, 5, FRAME) == 0


def test_a_key_press_takes_the_time_of_its_sound() -> None:
    stream = CallerStream(8000)
    stream.accept(1, 1, 0, FRAME)
    passed = [stream.accept_event(1, 2 + n, FRAME, FRAME * (n + 1)) for n in range(3)]
    passed.append(stream.accept_event(1, 5, FRAME, FRAME * 3))
    assert passed == [FRAME, FRAME, FRAME, 0]
    assert stream.accept(1, 6, FRAME * 4, FRAME) == 0
    assert stream.lost == 0


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.integers(0, 3),
            st.integers(0, 65_535),
            st.integers(0, 2**32 - 1),
            st.integers(0, 2000),
        ),
        max_size=40,
    )
)
def test_no_packet_makes_more_silence_than_the_longest_gap(
    packets: list[tuple[bool, int, int, int, int]],
) -> None:
    stream = CallerStream(8000)
    for is_event, ssrc, sequence, timestamp, duration in packets:
        take = stream.accept_event if is_event else stream.accept
        gap = take(ssrc, sequence, timestamp, duration)
        assert gap is None or 0 <= gap <= 1600


class CountingLeg:
    def __init__(self, *, slow_at: int = -1, slow_s: float = 0.0) -> None:
        self.half_ticks = 0
        self.ticks: list[tuple[float, int]] = []
        self._slow_at = slow_at
        self._slow_s = slow_s

    def on_half_tick(self) -> None:
        self.half_ticks += 1
        if self.half_ticks == self._slow_at:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            loop.advance(self._slow_s)

    def on_tick(self, skipped: int) -> None:
        self.ticks.append((asyncio.get_running_loop().time(), skipped))


async def paced(leg: CountingLeg, seconds: float) -> Pacer:
    pacer = Pacer()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(pacer.run())
        pacer.add(leg)
        await asyncio.sleep(seconds)  # virtual time
        running.cancel()
    return pacer


def test_the_pacer_ticks_each_20_ms() -> None:
    leg = CountingLeg()
    run_virtual(paced(leg, 1.0))
    assert len(leg.ticks) == pytest.approx(50, abs=1)
    assert leg.half_ticks == pytest.approx(100, abs=1)


def test_a_short_stall_is_made_up_and_a_long_one_is_skipped() -> None:
    short = CountingLeg(slow_at=11, slow_s=0.08)
    pacer = run_virtual(paced(short, 1.0))
    assert len(short.ticks) == pytest.approx(50, abs=1)
    assert pacer.skipped_ticks == 0
    long = CountingLeg(slow_at=11, slow_s=0.5)
    pacer = run_virtual(paced(long, 1.5))
    skipped = sum(count for _, count in long.ticks)
    assert skipped == pacer.skipped_ticks
    assert skipped == pytest.approx((0.5 / HALF_TICK_S - MAX_CATCH_UP) / 2, abs=1)
    assert len(long.ticks) + skipped == pytest.approx(75, abs=2)


def test_a_leg_that_fails_is_stopped_and_the_others_go_on() -> None:
    class Broken(CountingLeg):
        @override
        def on_half_tick(self) -> None:
            raise RuntimeError("broken")

    async def main() -> CountingLeg:
        pacer, good = Pacer(), CountingLeg()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pacer.run())
            pacer.add(Broken())
            pacer.add(good)
            await asyncio.sleep(0.5)  # virtual time
            running.cancel()
        return good

    assert len(run_virtual(main()).ticks) == pytest.approx(25, abs=1)
