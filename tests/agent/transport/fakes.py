"""A native library that only takes notes."""

import asyncio
from collections.abc import Callable

from livekit.rtc._proto.audio_frame_pb2 import AudioStreamEvent
from livekit.rtc._proto.ffi_pb2 import FfiEvent, FfiRequest, FfiResponse
from livekit.rtc._proto.participant_pb2 import ParticipantKind
from livekit.rtc._proto.room_pb2 import RoomEvent
from livekit.rtc._proto.track_pb2 import TrackKind


class FakeFfi:
    """Stands in for `FfiDemux`: hands out handles, remembers requests, never calls by itself."""

    def __init__(self) -> None:
        self.requests: list[FfiRequest] = []
        self.posted: list[FfiRequest] = []
        self.dropped: list[int] = []
        self.captures: dict[int, Callable[[str], None]] = {}
        self.rooms: dict[int, Callable[[RoomEvent], None]] = {}
        self.streams: dict[int, Callable[[AudioStreamEvent], None]] = {}
        self.replies: dict[int, asyncio.Future[FfiEvent]] = {}
        self.subscribed: list[int] = []
        self._next_handle = 100

    def request(self, request: FfiRequest) -> FfiResponse:
        self.requests.append(request)
        self._next_handle += 1
        response = FfiResponse()
        match request.WhichOneof("message"):
            case "new_audio_source":
                response.new_audio_source.source.handle.id = self._next_handle
            case "new_audio_stream":
                response.new_audio_stream.stream.handle.id = self._next_handle
            case "create_audio_track":
                response.create_audio_track.track.handle.id = self._next_handle
            case "set_subscribed":
                self.subscribed.append(request.set_subscribed.publication_handle)
            case "connect" | "publish_track" | "disconnect" as kind:
                getattr(response, kind).async_id = self._next_handle
            case _:
                pass
        return response

    def post(self, request: bytes) -> None:
        self.posted.append(FfiRequest.FromString(request))

    def drop(self, handle: int) -> None:
        self.dropped.append(handle)

    def expect(self, async_id: int) -> asyncio.Future[FfiEvent]:
        reply: asyncio.Future[FfiEvent] = asyncio.get_running_loop().create_future()
        self.replies[async_id] = reply
        return reply

    def forget(self, async_id: int) -> None:
        self.replies.pop(async_id, None)

    def own_room(self, handle: int, on_event: Callable[[RoomEvent], None]) -> None:
        self.rooms[handle] = on_event

    def disown_room(self, handle: int) -> None:
        self.rooms.pop(handle, None)

    def own_stream(self, handle: int, on_event: Callable[[AudioStreamEvent], None]) -> None:
        self.streams[handle] = on_event

    def disown_stream(self, handle: int) -> None:
        self.streams.pop(handle, None)

    def take_pcm(self, frame: object) -> bytes:  # noqa: ARG002 the seam
        return bytes(640)

    def own_captures(self, async_id: int, on_done: Callable[[str], None]) -> None:
        self.captures[async_id] = on_done

    def disown_captures(self, async_id: int) -> None:
        self.captures.pop(async_id, None)


ROOM = 7
"""Handle of the one room."""

KINDS = {
    "sip": ParticipantKind.PARTICIPANT_KIND_SIP,
    "standard": ParticipantKind.PARTICIPANT_KIND_STANDARD,
    "agent": ParticipantKind.PARTICIPANT_KIND_AGENT,
    "egress": ParticipantKind.PARTICIPANT_KIND_EGRESS,
}


class FakeServer(FakeFfi):
    """The library in one room of a server that a test speaks for."""

    def answer(self, kind: str, fill: Callable[[FfiEvent], None] = lambda _: None) -> None:
        """Answer the last request that waits."""
        async_id, reply = self.replies.popitem()
        event = FfiEvent()
        getattr(event, kind).async_id = async_id
        fill(event)
        if not reply.done():
            reply.set_result(event)

    def joined(self, *participants: tuple[str, str], status: str = "") -> None:
        """The join worked; these (identity, kind) are there."""

        def fill(event: FfiEvent) -> None:
            result = event.connect.result
            result.room.handle.id = ROOM
            result.local_participant.handle.id = 8
            for number, (identity, kind) in enumerate(participants):
                present = result.participants.add()
                present.participant.handle.id = 20 + number
                present.participant.info.identity = identity
                present.participant.info.kind = KINDS[kind]
                present.participant.info.attributes["sip.callID"] = f"SCL_{identity}"
                if status:
                    present.participant.info.attributes["sip.callStatus"] = status

        self.answer("connect", fill)

    def published(self) -> None:
        """The server knows the agent's track."""

        def fill(event: FfiEvent) -> None:
            event.publish_track.publication.handle.id = 30
            event.publish_track.publication.info.sid = "TR_agent"

        self.answer("publish_track", fill)

    def tell(self, fill: Callable[[RoomEvent], None]) -> None:
        """One event of the room."""
        event = RoomEvent(room_handle=ROOM)
        fill(event)
        self.rooms[ROOM](event)

    def comes(self, identity: str, kind: str) -> None:
        def fill(event: RoomEvent) -> None:
            info = event.participant_connected.info
            info.handle.id = 40
            info.info.identity = identity
            info.info.kind = KINDS[kind]

        self.tell(fill)

    def leaves(self, identity: str) -> None:
        def fill(event: RoomEvent) -> None:
            event.participant_disconnected.participant_identity = identity

        self.tell(fill)

    def publishes(self, identity: str, handle: int, *, video: bool = False) -> None:
        def fill(event: RoomEvent) -> None:
            event.track_published.participant_identity = identity
            event.track_published.publication.handle.id = handle
            event.track_published.publication.info.sid = f"TR_{handle}"
            event.track_published.publication.info.kind = (
                TrackKind.KIND_VIDEO if video else TrackKind.KIND_AUDIO
            )

        self.tell(fill)

    def can_be_heard(self, identity: str, handle: int) -> None:
        def fill(event: RoomEvent) -> None:
            event.track_subscribed.participant_identity = identity
            event.track_subscribed.track.handle.id = handle

        self.tell(fill)

    def tells_status(self, identity: str, status: str) -> None:
        def fill(event: RoomEvent) -> None:
            event.participant_attributes_changed.participant_identity = identity
            changed = event.participant_attributes_changed.changed_attributes.add()
            changed.key, changed.value = "sip.callStatus", status

        self.tell(fill)

    def is_heard(self) -> None:
        def fill(event: RoomEvent) -> None:
            event.local_track_subscribed.track_sid = "TR_1"

        self.tell(fill)

    def speaks(self) -> None:
        """One frame on every open stream."""
        for handle, on_event in list(self.streams.items()):
            event = AudioStreamEvent(stream_handle=handle)
            event.frame_received.SetInParent()
            on_event(event)

    def presses(self, identity: str, digit: str) -> None:
        def fill(event: RoomEvent) -> None:
            event.data_packet_received.participant_identity = identity
            event.data_packet_received.sip_dtmf.digit = digit

        self.tell(fill)

    def closes(self, reason: int) -> None:
        def fill(event: RoomEvent) -> None:
            event.disconnected.reason = reason  # type: ignore[assignment] # an enum's number

        self.tell(fill)
