"""What livekit-server asks its bridge for: a phone call that becomes a participant of a room.

The fields and their numbers are those of livekit/protocol 1.50.5, rpc/sip.proto; those that are
not named here are skipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from google.protobuf.message import DecodeError
from livekit.protocol.sip import SIPMediaConfig, SIPTransport

from switchboard_local.sip_edge.admit import CALL_STATUS, Caller
from switchboard_local.sip_edge.outgoing_model import Fault
from switchboard_local.sip_edge.protobuf import Field, declare
from switchboard_media.codec import CODECS, Codec
from switchboard_media.errors import MalformedMessage
from switchboard_media.sip.transaction import Address
from switchboard_media.sip.uri import DEFAULT_PORT, parse_host_port

_MESSAGES = declare(
    "rpc",
    {
        "InternalCreateSIPParticipantRequest": (
            Field("address", 2),
            Field("number", 3),
            Field("call_to", 4),
            Field("username", 5),
            Field("password", 6),
            Field("room_name", 7),
            Field("participant_identity", 8),
            Field("token", 9),
            Field("ws_url", 10),
            Field("dtmf", 11),
            Field("sip_call_id", 13),
            Field("participant_name", 14),
            Field("participant_metadata", 15),
            Field("transport", 16, "int32"),
            Field("participant_attributes", 17, "map"),
            Field("hostname", 20),
            Field("headers", 21, "map"),
            Field("headers_to_attributes", 22, "map"),
            Field("ringing_timeout", 23, "google.protobuf.Duration"),
            Field("max_call_duration", 24, "google.protobuf.Duration"),
            Field("media_encryption", 28, "int32"),
            Field("wait_until_answered", 29, "bool"),
            Field("display_name", 31, optional=True),
            Field("media", 34, "bytes"),
        ),
        "InternalCreateSIPParticipantResponse": (
            Field("participant_id", 1),
            Field("participant_identity", 2),
            Field("sip_call_id", 3),
        ),
    },
)
_REQUEST = _MESSAGES["InternalCreateSIPParticipantRequest"]
_RESPONSE = _MESSAGES["InternalCreateSIPParticipantResponse"]
_SRTP_REQUIRED = 2
_UDP = frozenset({SIPTransport.SIP_TRANSPORT_AUTO, SIPTransport.SIP_TRANSPORT_UDP})


class CannotPlaceError(Exception):
    """A call did not come about; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call to place."""

    call_id: str
    """`SCL_...`, made by livekit-server."""
    address: Address
    """The trunk's host, perhaps a name, and port."""
    host: str
    """Of the From; empty for our own address."""
    number: str
    """Of the From: who calls."""
    call_to: str
    display_name: str
    username: str
    password: str = field(repr=False)
    participant: Caller
    token: str = field(repr=False)
    """To join with; empty where we make our own."""
    ws_url: str
    """To join at; empty for the one we know."""
    keys: str
    """To press after the answer; `w` is a pause."""
    headers: Mapping[str, str]
    """More for the INVITE."""
    headers_to_attributes: Mapping[str, str]
    """Of the answer."""
    codecs: tuple[Codec, ...]
    ringing_s: float
    """0 where the request does not say; so is the next."""
    duration_s: float
    wait: bool


def read_request(payload: bytes) -> CallRequest:
    """Read a request. Raises `CannotPlaceError`."""
    try:
        asked: Any = _REQUEST.FromString(payload)
        media = SIPMediaConfig.FromString(asked.media)
        ringing = asked.ringing_timeout.ToTimedelta()
        duration = asked.max_call_duration.ToTimedelta()
    except (DecodeError, OverflowError) as error:
        raise _cannot("malformed_request", f"the request is not one: {error}") from error
    _check(asked, max(asked.media_encryption, media.encryption))
    return CallRequest(
        call_id=asked.sip_call_id,
        address=_address(asked.address),
        host=asked.hostname,
        number=asked.number,
        call_to=asked.call_to,
        display_name=asked.display_name if asked.HasField("display_name") else asked.number,
        username=asked.username,
        password=asked.password,
        participant=Caller(
            room=asked.room_name,
            identity=asked.participant_identity,
            name=asked.participant_name,
            metadata=asked.participant_metadata,
            attributes={**asked.participant_attributes, CALL_STATUS: "dialing"},
            room_config={},
        ),
        token=asked.token,
        ws_url=asked.ws_url,
        keys=asked.dtmf,
        headers=dict(asked.headers),
        headers_to_attributes=dict(asked.headers_to_attributes),
        codecs=_codecs(media),
        ringing_s=max(0.0, ringing / timedelta(seconds=1)),
        duration_s=max(0.0, duration / timedelta(seconds=1)),
        wait=asked.wait_until_answered,
    )


def _cannot(code: str, text: str) -> CannotPlaceError:
    return CannotPlaceError(Fault(code, text))


def _check(asked: Any, encryption: int) -> None:  # noqa: ANN401 - a message made at run time
    for name in ("sip_call_id", "call_to", "address", "number", "room_name"):
        if not getattr(asked, name):
            raise _cannot("invalid_argument", f"{name} is missing")
    if "@" in asked.call_to:
        raise _cannot("invalid_argument", "call_to is a SIP URI; give a number or user")
    if asked.transport not in _UDP:
        raise _cannot("unimplemented", "the stand-in speaks SIP over UDP only")
    if encryption == _SRTP_REQUIRED:
        raise _cannot("unimplemented", "SRTP is required, which the stand-in cannot do")


def _address(text: str) -> Address:
    try:
        host, port = parse_host_port(text)
    except MalformedMessage as error:
        raise _cannot("invalid_argument", f"the trunk's address: {error}") from error
    return host.strip("[]"), port or DEFAULT_PORT


def _codecs(media: SIPMediaConfig) -> tuple[Codec, ...]:
    listed = {codec.name.upper() for codec in media.codecs}
    codecs = tuple(c for c in CODECS if not media.only_listed_codecs or c.name.upper() in listed)
    if not codecs:
        raise _cannot("failed_precondition", "no listed codec is PCMU, PCMA or G722")
    return codecs


def response_to(request: CallRequest, participant_id: str) -> bytes:
    """Say that the participant is there."""
    answer: bytes = _RESPONSE(
        participant_id=participant_id,
        participant_identity=request.participant.identity,
        sip_call_id=request.call_id,
    ).SerializeToString()
    return answer
