"""The SDK is as `ffi.py` knows it. When this fails, read the new SDK before raising the pin.

`ffi.py` replaces what the SDK does with events of the native library. A changed signature would
crash; a changed meaning would cost sound or memory silently. So the sources it was written against
are compared as a whole.
"""

import hashlib
import inspect

import pytest
from livekit.rtc import _ffi_client as sdk
from livekit.rtc._proto.audio_frame_pb2 import (
    AudioStreamEvent,
    CaptureAudioFrameRequest,
    NewAudioSourceRequest,
    NewAudioStreamRequest,
    OwnedAudioFrameBuffer,
)
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest
from livekit.rtc._proto.room_pb2 import ConnectRequest, PublishTrackRequest, RoomEvent
from livekit.rtc.version import __version__

from switchboard_agent.transport.livekit.ffi import SUPPORTED_SDK

SOURCES = {
    "FfiHandle": "2d3e4727174242c8",
    "FfiQueue": "1b6d4649f76b3088",
    "FfiClient": "7568619ab297501a",
}


def test_installed_sdk_is_the_one_that_was_read() -> None:
    assert __version__ == SUPPORTED_SDK


@pytest.mark.parametrize("name", SOURCES)
def test_source_of_the_event_path_is_unchanged(name: str) -> None:
    source = inspect.getsource(getattr(sdk, name))
    assert hashlib.sha256(source.encode()).hexdigest()[:16] == SOURCES[name]


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (
            FfiEvent,
            {"room_event", "audio_stream_event", "capture_audio_frame", "connect", "disconnect"}
            | {"publish_track", "logs", "panic"},
        ),
        (
            FfiRequest,
            {"connect", "disconnect", "publish_track", "create_audio_track", "new_audio_source"}
            | {"new_audio_stream", "capture_audio_frame", "set_subscribed", "ready_for_room_event"},
        ),
        (CaptureAudioFrameRequest, {"source_handle", "buffer", "request_async_id"}),
        (NewAudioSourceRequest, {"type", "sample_rate", "num_channels", "queue_size_ms"}),
        (NewAudioStreamRequest, {"track_handle", "type", "frame_size_ms", "queue_size_frames"}),
        (AudioStreamEvent, {"stream_handle", "frame_received", "eos"}),
        (OwnedAudioFrameBuffer, {"handle", "info"}),
        (RoomEvent, {"room_handle", "participant_connected", "track_subscribed", "eos"}),
        (ConnectRequest, {"url", "token", "options"}),
        (PublishTrackRequest, {"local_participant_handle", "track_handle", "options"}),
    ],
)
def test_messages_have_the_fields_that_are_used(message: type, fields: set[str]) -> None:
    names = {field.name for field in message.DESCRIPTOR.fields}  # type: ignore[attr-defined] # protobuf class
    assert fields <= names
