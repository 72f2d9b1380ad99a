"""Events of the native library reach the one object they belong to, on the event loop."""

import asyncio
import ctypes
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest
from livekit import rtc
from livekit.rtc import _ffi_client as sdk
from livekit.rtc._proto.audio_frame_pb2 import AudioStreamEvent
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest
from livekit.rtc._proto.room_pb2 import RoomEvent

from switchboard_agent.transport.livekit.ffi import FfiDemux, FfiError
from switchboard_agent.transport.livekit.source import UnqueuedSource


@pytest.fixture
async def panics() -> list[str]:
    return []


@pytest.fixture
async def ffi(panics: list[str]) -> AsyncIterator[FfiDemux]:
    demux = FfiDemux(asyncio.get_running_loop(), panics.append)
    yield demux
    demux.close()


def deliver(demux: FfiDemux, *events: FfiEvent) -> None:
    """What a native thread does, on a thread of its own."""

    def run() -> None:
        for event in events:
            data = event.SerializeToString()
            buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
            demux._callback(buffer, len(data))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


async def turn_loop() -> None:
    """Let the wake-up run."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_stream_and_room_events_go_to_their_owner_only(ffi: FfiDemux) -> None:
    streams: dict[int, list[AudioStreamEvent]] = {1: [], 2: []}
    rooms: dict[int, list[RoomEvent]] = {8: [], 9: []}
    for handle, seen in streams.items():
        ffi.own_stream(handle, seen.append)
    for handle, noted in rooms.items():
        ffi.own_room(handle, noted.append)

    to_stream, to_room, to_nobody = FfiEvent(), FfiEvent(), FfiEvent()
    to_stream.audio_stream_event.stream_handle = 2
    to_room.room_event.room_handle = 8
    to_nobody.room_event.room_handle = 77
    deliver(ffi, to_stream, to_room, to_nobody)
    await turn_loop()

    assert [len(streams[1]), len(streams[2])] == [0, 1]
    assert [len(rooms[8]), len(rooms[9])] == [1, 0]


async def test_a_batch_of_events_wakes_the_loop_once(ffi: FfiDemux) -> None:
    seen: list[AudioStreamEvent] = []
    ffi.own_stream(5, seen.append)
    wakes = 0
    drain = ffi._drain

    def counting_drain() -> None:
        nonlocal wakes
        wakes += 1
        drain()

    ffi._drain = counting_drain  # type: ignore[method-assign] # counts wake-ups
    event = FfiEvent()
    event.audio_stream_event.stream_handle = 5
    deliver(ffi, *[event] * 50)
    await turn_loop()

    assert len(seen) == 50
    assert wakes == 1


async def test_failing_owner_does_not_harm_the_others(
    ffi: FfiDemux, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: AudioStreamEvent) -> None:
        raise ZeroDivisionError

    seen: list[AudioStreamEvent] = []
    ffi.own_stream(1, broken)
    ffi.own_stream(2, seen.append)
    first, second = FfiEvent(), FfiEvent()
    first.audio_stream_event.stream_handle = 1
    second.audio_stream_event.stream_handle = 2
    deliver(ffi, first, second)
    await turn_loop()

    assert len(seen) == 1
    assert "handler of a media event failed" in caplog.text


async def test_answer_resolves_the_one_who_asked(ffi: FfiDemux) -> None:
    asked, other = ffi.expect(41), ffi.expect(42)
    answer = FfiEvent()
    answer.disconnect.async_id = 41
    deliver(ffi, answer)
    await turn_loop()

    assert asked.done()
    assert not other.done()


async def test_panic_of_the_library_is_reported(ffi: FfiDemux, panics: list[str]) -> None:
    event = FfiEvent()
    event.panic.message = "broken"
    deliver(ffi, event)
    await turn_loop()

    assert panics == ["broken"]


async def test_objects_of_the_sdk_still_work_beside_ours(ffi: FfiDemux) -> None:
    source = rtc.AudioSource(16_000, 1, queue_size_ms=100)
    frame = rtc.AudioFrame(bytes(640), 16_000, 1, 320)
    await asyncio.wait_for(source.capture_frame(frame), 5)
    await source.aclose()
    assert ffi._replies == {}


async def test_real_library_takes_frames_of_an_unqueued_source(ffi: FfiDemux) -> None:
    source = UnqueuedSource(ffi)
    for _ in range(5):
        source.play(np.zeros(320, dtype=np.int16))
    while source._unanswered or source._waiting:  # noqa: ASYNC110 the library sets no event
        await asyncio.sleep(0.001)
    source.close()
    assert source.dropped_chunks == 0


async def test_refused_request_is_a_typed_error(ffi: FfiDemux) -> None:
    request = FfiRequest()
    request.set_subscribed.publication_handle = 123_456_789
    request.set_subscribed.subscribe = True
    with pytest.raises(FfiError, match="set_subscribed"):
        ffi.request(request)


async def test_closing_gives_the_library_back_to_the_sdk(ffi: FfiDemux) -> None:
    ffi.close()
    source = rtc.AudioSource(16_000, 1, queue_size_ms=100)
    frame = rtc.AudioFrame(bytes(640), 16_000, 1, 320)
    await asyncio.wait_for(source.capture_frame(frame), 5)
    await source.aclose()
    assert sdk.FfiClient.instance.queue._subscribers == []
