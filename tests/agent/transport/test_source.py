"""The agent's voice goes out whole, in order, 10 ms at a time."""

import ctypes
from typing import cast

import numpy as np
import pytest
from typing_extensions import override

from switchboard_agent.transport.base import Pcm
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.source import MAX_UNANSWERED, UnqueuedSource
from tests.agent.transport.fakes import FakeFfi


class Library(FakeFfi):
    """Reads the samples at the moment of the capture, as the native library does."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[int] = []
        self.now = 0.0

    @override
    def post(self, request: bytes) -> None:
        super().post(request)
        buffer = self.posted[-1].capture_audio_frame.buffer
        data = ctypes.string_at(buffer.data_ptr, buffer.samples_per_channel * 2)
        self.heard += np.frombuffer(data, np.int16).tolist()

    def done(self, error: str = "") -> None:
        (on_done,) = self.captures.values()
        on_done(error)


def ramp(start: int, count: int = 320) -> Pcm:
    return np.arange(start, start + count, dtype=np.int16)


def make() -> tuple[Library, UnqueuedSource]:
    library = Library()
    return library, UnqueuedSource(cast("FfiDemux", library), clock=lambda: library.now)


def test_source_has_no_queue_and_runs_at_16_khz() -> None:
    library, _ = make()
    new = library.requests[0].new_audio_source
    assert (new.sample_rate, new.num_channels, new.queue_size_ms) == (16_000, 1, 0)


def test_20_ms_frame_goes_as_two_captures_the_second_when_the_first_is_answered() -> None:
    library, source = make()
    source.play(ramp(0))
    assert library.heard == list(range(160))
    library.done()
    assert library.heard == list(range(320))
    sizes = {post.capture_audio_frame.buffer.samples_per_channel for post in library.posted}
    assert sizes == {160}


def test_burst_after_a_stall_keeps_its_order() -> None:
    library, source = make()
    for frame in range(10):
        source.play(ramp(frame * 320))
    for _ in range(20):
        library.done()
    assert library.heard == list(range(3200))


def test_late_answers_delay_the_voice_by_one_frame_at_most() -> None:
    library, source = make()
    for frame in range(10):
        library.now = frame * 0.02
        source.play(ramp(frame * 320))
    assert library.heard[:2880] == list(range(2880))
    assert len(library.posted) >= 18


def test_playing_goes_on_after_silence() -> None:
    library, source = make()
    source.play(ramp(0))
    library.done()
    library.done()
    source.play(ramp(320))
    library.done()
    assert library.heard == list(range(640))


def test_refused_chunk_is_counted_and_the_next_one_goes(caplog: pytest.LogCaptureFixture) -> None:
    library, source = make()
    source.play(ramp(0))
    library.done("sample_rate and num_channels don't match")
    library.done("sample_rate and num_channels don't match")
    source.play(ramp(320))
    assert source.dropped_chunks == 2
    assert len(library.posted) == 3
    assert len(caplog.records) == 1


def test_library_that_stands_still_costs_sound_not_memory() -> None:
    library, source = make()
    for frame in range(MAX_UNANSWERED):
        library.now = frame * 0.02
        source.play(ramp(frame % 50))
    assert len(library.posted) == MAX_UNANSWERED
    assert source.dropped_chunks > 0

    for _ in range(MAX_UNANSWERED):
        library.done()
    source.play(ramp(0))
    assert len(library.posted) > MAX_UNANSWERED


def test_frame_that_is_no_multiple_of_10_ms_is_a_bug_of_the_caller() -> None:
    _, source = make()
    with pytest.raises(ValueError, match="multiple of 160"):
        source.play(ramp(0, 100))


def test_closed_source_is_released_once_and_takes_nothing() -> None:
    library, source = make()
    source.close()
    source.close()
    source.play(ramp(0))
    assert library.dropped == [source.handle]
    assert library.posted == []
