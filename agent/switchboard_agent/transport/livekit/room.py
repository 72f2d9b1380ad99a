"""A LiveKit room, reduced to what a call needs.

The SDK's `Room` keeps a model of everything and takes one event at a time through two queues. A
call needs six things to happen: somebody came, somebody left, somebody has a voice, it can be
heard, a key was pressed, the room is gone. Native handles are owned here and released when the room
is left.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest
from livekit.rtc._proto.participant_pb2 import DisconnectReason, OwnedParticipant, ParticipantKind
from livekit.rtc._proto.room_pb2 import ConnectCallback, RoomEvent
from livekit.rtc._proto.track_pb2 import OwnedTrackPublication, TrackKind, TrackSource

from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_media.dtmf import KEYS

JOIN_TIMEOUT_SECONDS = 15.0
"""A join takes 0.3 s, seconds in a burst on few cores; after this the caller has long given up."""

LEAVE_TIMEOUT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Kind(StrEnum):
    """What a participant is."""

    CALLER = "caller"
    """A phone (SIP) or any other party that may speak to the agent."""
    AGENT = "agent"
    HUMAN = "human"
    """Somebody whom an agent has called, to hand the caller over to: never listened to."""
    OTHER = "other"
    """Recorders and ingress: never the caller."""


_KINDS = {
    ParticipantKind.PARTICIPANT_KIND_SIP: Kind.CALLER,
    ParticipantKind.PARTICIPANT_KIND_STANDARD: Kind.CALLER,
    ParticipantKind.PARTICIPANT_KIND_AGENT: Kind.AGENT,
}


HUMAN_PREFIX: Final = "human-"
"""Of the identities under which agents call humans into the room."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in the room."""

    identity: str
    kind: Kind
    attributes: dict[str, str]


class RoomListener(Protocol):
    """Who is told what happens in a room. All methods return at once."""

    def on_participant(self, participant: Participant) -> None:
        """Somebody is in the room."""

    def on_attributes(self, identity: str, changed: dict[str, str]) -> None:
        """A participant's attributes have these new values."""

    def on_participant_left(self, identity: str) -> None:
        """Somebody left."""

    def on_published(self, identity: str) -> None:
        """A participant has a voice, or one more: see `Room.tracks`."""

    def on_audio_track(self, identity: str, track_handle: int) -> None:
        """A participant's audio can be heard."""

    def on_heard(self, track: str) -> None:
        """Somebody has begun to listen to a track that this side publishes."""

    def on_dtmf(self, identity: str, digit: str) -> None:
        """A participant pressed a key."""

    def on_disconnected(self, *, closed: bool) -> None:
        """This side is out of the room; `closed`: on purpose of somebody, not by a fault."""


class RoomError(Exception):
    """The room could not be joined or used."""


class Room:
    """One joined room. Made by `Room.join`."""

    def __init__(self, ffi: FfiDemux, joined: ConnectCallback, listener: RoomListener) -> None:
        self._ffi = ffi
        self._listener = listener
        self._handle = joined.result.room.handle.id
        self._me = joined.result.local_participant.handle.id
        self._owned = [self._me]
        self._callers: set[str] = set()
        self._tracks: dict[str, list[str]] = {}
        self._gone = False
        self._left = False
        self.removed = False
        """This side was put out, or somebody joined with its identity."""
        ffi.own_room(self._handle, self._on_event)
        for present in joined.result.participants:
            self._add_participant(present.participant)
            for publication in present.publications:
                self._add_publication(present.participant.info.identity, publication)
        ready = FfiRequest()
        ready.ready_for_room_event.room_handle = self._handle
        ffi.request(ready)

    @classmethod
    async def join(cls, ffi: FfiDemux, url: str, token: str, listener: RoomListener) -> "Room":
        """Join; a cancelled or late join leaves nothing behind."""
        request = FfiRequest()
        request.connect.url = url
        request.connect.token = token
        # Only the callers' audio is wanted: each such track is subscribed one by one.
        request.connect.options.auto_subscribe = False
        async_id = ffi.request(request).connect.async_id
        reply = ffi.expect(async_id)
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_SECONDS):
                event = await asyncio.shield(reply)
        except (asyncio.CancelledError, TimeoutError) as error:
            reply.add_done_callback(lambda late: _discard(ffi, late))
            if isinstance(error, TimeoutError):
                raise RoomError(f"no answer to a join in {JOIN_TIMEOUT_SECONDS:.0f} s") from error
            raise
        if event.connect.error:
            raise RoomError(f"join refused: {event.connect.error}")
        return cls(ffi, event.connect, listener)

    def tracks(self, identity: str) -> list[str]:
        """What the server calls the voices of a participant."""
        return self._tracks.get(identity, [])

    async def publish(self, source_handle: int, name: str) -> str:
        """Publish an audio source; gives what the server calls the track."""
        create = FfiRequest()
        create.create_audio_track.name = name
        create.create_audio_track.source_handle = source_handle
        track = self._ffi.request(create).create_audio_track.track.handle.id
        self._owned.append(track)
        request = FfiRequest()
        publish = request.publish_track
        publish.local_participant_handle = self._me
        publish.track_handle = track
        publish.options.source = TrackSource.SOURCE_MICROPHONE
        # Redundant packets help over the Internet, not between server and bridge.
        publish.options.red = False
        event = await self._ask(request, "publish_track")
        if event.publish_track.error:
            raise RoomError(f"publish refused: {event.publish_track.error}")
        publication = event.publish_track.publication
        self._owned.append(publication.handle.id)
        return publication.info.sid

    def allow(self, hearers: Mapping[str, Sequence[str]] | None) -> None:
        """Say who may hear which of this side's tracks, everybody else none; None: all may all."""
        request = FfiRequest()
        permissions = request.set_track_subscription_permissions
        permissions.local_participant_handle = self._me
        permissions.all_participants_allowed = hearers is None
        for identity, tracks in (hearers or {}).items():
            permissions.permissions.add(participant_identity=identity, allowed_track_sids=tracks)
        self._ffi.request(request)

    async def send_key(self, key: str, to: str) -> None:
        """Tell a participant of a key; the SIP bridge knows letters in lower case only."""
        request = FfiRequest()
        press = request.publish_sip_dtmf
        press.local_participant_handle = self._me
        press.code = KEYS.index(key)
        press.digit = key.lower()
        press.destination_identities.append(to)
        event = await self._ask(request, "publish_sip_dtmf")
        if event.publish_sip_dtmf.error:
            raise RoomError(f"key refused: {event.publish_sip_dtmf.error}")

    async def leave(self) -> None:
        """Leave and release every native object. Safe to call twice."""
        if self._left:
            return
        self._left = True
        try:
            if not self._gone:
                request = FfiRequest()
                request.disconnect.room_handle = self._handle
                async with asyncio.timeout(LEAVE_TIMEOUT_SECONDS):
                    await self._ask(request, "disconnect")
        except TimeoutError:
            _log.warning("the media library did not confirm leaving a room")
        finally:
            self._ffi.disown_room(self._handle)
            for handle in (*reversed(self._owned), self._handle):
                self._ffi.drop(handle)
            self._owned.clear()

    async def _ask(self, request: FfiRequest, kind: str) -> FfiEvent:
        async_id: int = getattr(self._ffi.request(request), kind).async_id
        try:
            return await self._ffi.expect(async_id)
        finally:
            self._ffi.forget(async_id)

    # --- events -----------------------------------------------------------------------------

    def _on_event(self, event: RoomEvent) -> None:
        match event.WhichOneof("message"):
            case "participant_connected":
                self._add_participant(event.participant_connected.info)
            case "participant_attributes_changed":
                changes = event.participant_attributes_changed
                self._listener.on_attributes(
                    changes.participant_identity,
                    {entry.key: entry.value for entry in changes.changed_attributes},
                )
            case "participant_disconnected":
                identity = event.participant_disconnected.participant_identity
                self._tracks.pop(identity, None)
                self._listener.on_participant_left(identity)
            case "track_published":
                published = event.track_published
                self._add_publication(published.participant_identity, published.publication)
            case "track_subscribed":
                subscribed = event.track_subscribed
                self._owned.append(subscribed.track.handle.id)
                self._listener.on_audio_track(
                    subscribed.participant_identity, subscribed.track.handle.id
                )
            case "local_track_subscribed":
                self._listener.on_heard(event.local_track_subscribed.track_sid)
            case "data_packet_received":
                packet = event.data_packet_received
                if packet.WhichOneof("value") == "sip_dtmf":
                    self._listener.on_dtmf(
                        packet.participant_identity, packet.sip_dtmf.digit.upper()
                    )
            case "byte_stream_opened" | "text_stream_opened" as kind:  # nobody here reads them
                self._ffi.drop(getattr(event, kind).reader.handle.id)
            case "data_track_published":
                self._ffi.drop(event.data_track_published.track.handle.id)
            case "disconnected" | "eos":  # the latter without a reason
                self._on_disconnected(event.disconnected.reason)
            case _:
                pass

    def _add_participant(self, owned: OwnedParticipant) -> None:
        self._owned.append(owned.handle.id)
        info = owned.info
        kind = _KINDS.get(info.kind, Kind.OTHER)
        if kind is Kind.CALLER and info.identity.startswith(HUMAN_PREFIX):
            kind = Kind.HUMAN
        if kind is Kind.CALLER:
            self._callers.add(info.identity)
        self._listener.on_participant(Participant(info.identity, kind, dict(info.attributes)))

    def _add_publication(self, identity: str, publication: OwnedTrackPublication) -> None:
        self._owned.append(publication.handle.id)
        if publication.info.kind != TrackKind.KIND_AUDIO:
            return
        self._tracks.setdefault(identity, []).append(publication.info.sid)
        self._listener.on_published(identity)
        if identity not in self._callers:
            return
        request = FfiRequest()
        request.set_subscribed.subscribe = True
        request.set_subscribed.publication_handle = publication.handle.id
        self._ffi.request(request)

    def _on_disconnected(self, reason: DisconnectReason.ValueType) -> None:
        if self._gone:
            return
        self._gone = True
        self.removed = reason in _PUT_OUT
        self._listener.on_disconnected(closed=reason in _ON_PURPOSE)


_PUT_OUT = frozenset({DisconnectReason.PARTICIPANT_REMOVED, DisconnectReason.DUPLICATE_IDENTITY})
_ON_PURPOSE = frozenset(
    {
        DisconnectReason.CLIENT_INITIATED,
        DisconnectReason.PARTICIPANT_REMOVED,
        DisconnectReason.ROOM_DELETED,
        DisconnectReason.ROOM_CLOSED,
    }
)


def _discard(ffi: FfiDemux, late: "asyncio.Future[FfiEvent]") -> None:
    """A join that nobody waits for any more succeeded: leave again."""
    if late.cancelled():
        return
    joined = late.result().connect
    if joined.error:
        return
    # The library waits for this after every join, and ends the process where it does not come.
    ready = FfiRequest()
    ready.ready_for_room_event.room_handle = joined.result.room.handle.id
    ffi.request(ready)
    request = FfiRequest()
    request.disconnect.room_handle = joined.result.room.handle.id
    ffi.request(request)
    for present in joined.result.participants:
        for publication in present.publications:
            ffi.drop(publication.handle.id)
        ffi.drop(present.participant.handle.id)
    ffi.drop(joined.result.local_participant.handle.id)
    ffi.drop(joined.result.room.handle.id)
