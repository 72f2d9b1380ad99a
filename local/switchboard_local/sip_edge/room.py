"""The room side of one call: join as the caller, publish its sound, hear everyone else.

Events of the room come to a `RoomListener` on the loop. Frames of other participants go straight
into the mixer, without a task or queue of the SDK between.
"""

import asyncio
import ctypes
import json
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from google.protobuf.json_format import ParseDict
from livekit import api, rtc
from livekit.protocol.room import RoomConfiguration
from livekit.rtc._proto.audio_frame_pb2 import AudioStreamEvent, AudioStreamType
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from switchboard_local.sip_edge import ffi
from switchboard_local.sip_edge.admit import CALL_STATUS, Caller
from switchboard_local.sip_edge.caller_track import CallerTrack
from switchboard_local.sip_edge.mixer import Mixer, TrackQueue
from switchboard_local.sip_edge.rtp_leg import FRAME_MS
from switchboard_media import dtmf

CONNECT_TIMEOUT_S = 10.0
PUBLISH_TIMEOUT_S = 10.0
OUTLIVE_S = 15.0
"""How long a room's objects are held after its end: freed at once they end the process."""

_KIND_SIP = rtc.ParticipantKind.PARTICIPANT_KIND_SIP


class RoomListener(Protocol):
    """Who hears of the room. All methods return at once."""

    def on_agent_heard(self) -> None:
        """Note that a track of sound is subscribed, or another phone is in the room."""

    def on_room_closed(self, text: str) -> None:
        """Note that the room ended, or that the caller was removed from it."""

    def on_room_key(self, key: str) -> None:
        """Take a key press for the caller."""


def caller_token(caller: Caller, api_key: str, api_secret: str) -> str:
    """Make the token that joins as the caller: kind SIP, with the room's configuration.

    The server applies the configuration, and so dispatches the agents that it names, when this
    participant creates the room.
    """
    grants = api.VideoGrants(
        room_join=True,
        room=caller.room,
        can_subscribe=True,
        can_publish=True,
        can_publish_data=True,
        can_update_own_metadata=True,
    )
    token = (
        api.AccessToken(api_key, api_secret)
        .with_kind("sip")
        .with_identity(caller.identity)
        .with_name(caller.name)
        .with_metadata(caller.metadata)
        .with_attributes(dict(caller.attributes))
        .with_grants(grants)
    )
    if caller.room_config:
        config = RoomConfiguration()
        ParseDict(json.loads(json.dumps(caller.room_config)), config, ignore_unknown_fields=True)
        token = token.with_room_config(config)
    return token.to_jwt()


class RoomLeg:
    """One call's participant."""

    def __init__(
        self, router: ffi.FrameRouter, listener: RoomListener, sample_rate_hz: int
    ) -> None:
        self._router = router
        self._listener = listener
        self._rate_hz = sample_rate_hz
        self._room = rtc.Room()
        self._streams: dict[str, int] = {}
        self._left = False
        self.mixer = Mixer()
        self.track = CallerTrack(sample_rate_hz)
        self._room.on("track_subscribed", self._on_track_subscribed)
        self._room.on("track_unsubscribed", self._on_track_unsubscribed)
        self._room.on("participant_connected", self._on_participant)
        self._room.on("sip_dtmf_received", self._on_key)
        self._room.on("disconnected", self._on_disconnected)

    async def join(self, ws_url: str, token: str) -> None:
        """Join and publish. Raises what the SDK raises."""
        options = rtc.RoomOptions(auto_subscribe=True, connect_timeout=CONNECT_TIMEOUT_S)
        await self._room.connect(ws_url, token, options)
        if self._left:
            await self._room.disconnect()
            return
        for participant in self._room.remote_participants.values():
            self._on_participant(participant)
        source = rtc.TrackSource.SOURCE_MICROPHONE
        publish = rtc.TrackPublishOptions(source=source, dtx=False, red=False)
        await self._publish(publish)

    async def _publish(self, options: rtc.TrackPublishOptions) -> None:
        """Publish the caller's track, or give up.

        The SDK waits for ever where the room ends meanwhile, and its native side then still holds
        the track: freeing it ends the process.
        """
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                await self._room.local_participant.publish_track(self.track.track, options)
        except (TimeoutError, asyncio.CancelledError):
            self._router.abandoned.append((self._room, self.track))
            raise

    @property
    def participant_id(self) -> str:
        """LiveKit's name of the phone in the room, once joined."""
        sid: str = self._room.local_participant.sid
        return sid

    async def set_status(self, status: str, more: Mapping[str, str] | None = None) -> None:
        """Tell the room how the call stands, and more attributes of it."""
        await self._room.local_participant.set_attributes({**(more or {}), CALL_STATUS: status})

    async def press(self, key: str) -> None:
        """Tell the room of a key of the caller."""
        code = dtmf.KEYS.index(key)
        await self._room.local_participant.publish_dtmf(code=code, digit=key)

    async def leave(self) -> None:
        """Leave the room; safe to call twice, and before the join is through."""
        self._left = True
        self.track.close()
        for sid in list(self._streams):
            self._stop_stream(sid)
        # The native side takes a room down on its own threads: what it uses must outlive that.
        asyncio.get_running_loop().call_later(OUTLIVE_S, _let_go, self._room, self.track)
        if self._room.isconnected():
            await self._room.disconnect()

    def _on_participant(self, participant: rtc.RemoteParticipant) -> None:
        # Two phones in one room would each wait for the other's sound.
        if participant.kind == _KIND_SIP:
            self._listener.on_agent_heard()

    def _on_track_subscribed(
        self,
        track: rtc.Track,
        _publication: rtc.RemoteTrackPublication,
        _participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind != rtc.TrackKind.KIND_AUDIO or self._left:
            return
        self._start_stream(track, self.mixer.add(track.sid))
        self._listener.on_agent_heard()

    def _on_track_unsubscribed(
        self,
        track: rtc.Track,
        _publication: rtc.RemoteTrackPublication,
        _participant: rtc.RemoteParticipant,
    ) -> None:
        self._stop_stream(track.sid)

    def _on_key(self, key: rtc.SipDTMF) -> None:
        self._listener.on_room_key(key.digit)

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        if not self._left:
            self._listener.on_room_closed(rtc.DisconnectReason.Name(reason).lower())

    def _start_stream(self, track: rtc.Track, queue: TrackQueue) -> None:
        message = FfiRequest()
        wanted = message.new_audio_stream
        wanted.track_handle = track._ffi_handle.handle  # noqa: SLF001 - no stream object of the SDK, see the module's text
        wanted.type = AudioStreamType.AUDIO_STREAM_NATIVE
        wanted.sample_rate = self._rate_hz
        wanted.num_channels = 1
        wanted.frame_size_ms = FRAME_MS
        handle = ffi.request(message).new_audio_stream.stream.handle.id
        self._streams[track.sid] = handle
        samples = self._rate_hz * FRAME_MS // 1000

        def read(event: AudioStreamEvent) -> None:
            if not event.HasField("frame_received"):
                return
            info = event.frame_received.frame.info
            if info.samples_per_channel == samples:
                raw = ctypes.string_at(info.data_ptr, samples * 2)
                queue.push(np.frombuffer(raw, np.int16))
            ffi.release_frame(event)

        self._router.read_stream(handle, read)

    def _stop_stream(self, sid: str) -> None:
        handle = self._streams.pop(sid, None)
        if handle is not None:
            self._router.forget_stream(handle)
            ffi.release(handle)
            self.mixer.remove(sid)


def _let_go(*_held: object) -> None:
    """Nothing: until the loop calls this, it holds what it would call it with."""
