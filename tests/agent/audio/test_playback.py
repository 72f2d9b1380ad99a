import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.audio.playback import Playback
from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm


def ramp(size: int, start: int = 0) -> Pcm:
    return (np.arange(start, start + size) % 30_000 + 1).astype(np.int16)


@given(chunks=st.lists(st.integers(0, 2000), max_size=12))
def test_every_sample_comes_out_once_in_order_and_the_last_frame_is_filled(
    chunks: list[int],
) -> None:
    playback, pushed = Playback(), 0
    for size in chunks:
        playback.push(ramp(size, pushed))
        pushed += size
    playback.complete = True
    frames = []
    while not playback.finished:
        frame = playback.next_frame()
        assert frame is not None
        assert len(frame) == FRAME_SAMPLES
        frames.append(frame)
    out = np.concatenate(frames) if frames else np.zeros(0, dtype=np.int16)
    assert np.array_equal(out[:pushed], ramp(pushed))
    assert not out[pushed:].any()
    assert playback.played == pushed == playback.total
    assert playback.next_frame() is None


def test_nothing_comes_out_after_a_flush_and_what_was_played_stays_known() -> None:
    playback = Playback()
    playback.push(ramp(1000))
    playback.next_frame()
    playback.flush()
    assert playback.next_frame() is None
    assert playback.finished
    assert playback.played == FRAME_SAMPLES


def test_a_frame_that_is_due_and_not_there_is_an_underrun_and_nothing_is_lost() -> None:
    playback = Playback()
    playback.push(ramp(400))
    assert playback.next_frame() is not None
    assert playback.next_frame() is None
    assert playback.underruns == 1
    playback.push(ramp(400, 400))
    frame = playback.next_frame()
    assert frame is not None
    assert np.array_equal(frame, ramp(320, 320))


def test_is_ready_with_one_frame_or_when_all_there_is_has_come() -> None:
    playback = Playback()
    playback.push(ramp(FRAME_SAMPLES - 1))
    assert not playback.ready
    playback.complete = True
    assert playback.ready


@given(
    chunks=st.lists(st.integers(1, 900), min_size=1, max_size=6),
    frames=st.integers(0, 4),
    data=st.data(),
)
def test_what_was_taken_back_does_not_come_out_and_all_before_it_does(
    chunks: list[int], frames: int, data: st.DataObject
) -> None:
    playback, pushed = Playback(), 0
    for size in chunks:
        playback.push(ramp(size, pushed))
        pushed += size
    out = [frame for _ in range(frames) if (frame := playback.next_frame()) is not None]
    count = data.draw(st.integers(0, playback.queued))
    playback.take_back(count)
    assert playback.total == pushed - count
    playback.push(ramp(700, pushed - count))
    playback.complete = True
    while (frame := playback.next_frame()) is not None:
        out.append(frame)
    total = pushed - count + 700
    assert np.array_equal(np.concatenate(out)[:total], ramp(total))
