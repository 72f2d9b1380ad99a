"""psrpc on the wire: LiveKit's remote calls over Redis, as psrpc 0.7 speaks them.

A client publishes a request on the channel of its service and method. Servers that can serve it
offer themselves with a claim on the client's channel, the client names one of them, and that one
works and publishes the response on the client's channel. Each datum is an envelope that names its
content's type.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.message import DecodeError
from livekit.protocol.sip import SIPStatus, SIPStatusCode

from switchboard_local.sip_edge.outgoing_model import Fault
from switchboard_local.sip_edge.protobuf import Field, declare

MAX_BYTES = 1_000_000
"""Larger than any request; not parsed."""

_TYPES = "type.googleapis.com/"
_ODD = re.compile(r"[^0-9A-Za-z_]")
_MESSAGES = declare(
    "internal",
    {
        "Msg": (Field("type_url", 1), Field("value", 2, "bytes")),
        "Request": (
            Field("request_id", 1),
            Field("client_id", 2),
            Field("expiry", 4, "int64"),
            Field("raw_request", 8, "bytes"),
        ),
        "Response": (
            Field("request_id", 1),
            Field("server_id", 2),
            Field("sent_at", 3, "int64"),
            Field("error", 5),
            Field("code", 6),
            Field("raw_response", 7, "bytes"),
            Field("error_details", 8, "google.protobuf.Any", repeated=True),
        ),
        "ClaimRequest": (
            Field("request_id", 1),
            Field("server_id", 2),
            Field("affinity", 3, "float"),
        ),
        "ClaimResponse": (Field("request_id", 1), Field("server_id", 2)),
    },
)


class MalformedRpcError(Exception):
    """Bytes on a channel that are not what belongs there."""


@dataclass(frozen=True, slots=True)
class RpcRequest:
    """A client asks."""

    request_id: str
    client_id: str
    expires_s: float
    """By the clock of the wall: nobody waits for the response any more."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Chosen:
    """A client's choice among the servers that claim."""

    request_id: str
    server_id: str


def channel(*parts: str) -> str:
    """The name of a channel; empty parts are left out, and odd characters are spelled."""
    return "|".join(_ODD.sub(_spelled, part) for part in parts if part)


def _spelled(odd: re.Match[str]) -> str:
    code = ord(odd.group())
    return f"u+{code:04x}" if code < 1 << 16 else f"U+{code:08x}"


def read_request(data: bytes) -> RpcRequest:
    """Read what a client asks. Raises `MalformedRpcError`."""
    got = _opened("Request", data)
    if not (got.request_id and got.client_id):
        raise MalformedRpcError("a request without its id or its client's")
    return RpcRequest(got.request_id, got.client_id, got.expiry / 1e9, got.raw_request)


def read_choice(data: bytes) -> Chosen:
    """Read whom a client has chosen. Raises `MalformedRpcError`."""
    got = _opened("ClaimResponse", data)
    return Chosen(got.request_id, got.server_id)


def queue_key(data: bytes) -> str:
    """Under which the one of several servers that serves a datum says that it is taken."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def claim(request: RpcRequest, server_id: str) -> bytes:
    """Offer to serve a request."""
    wanted = {"request_id": request.request_id, "server_id": server_id, "affinity": 1.0}
    return _sealed("ClaimRequest", wanted)


def success(request: RpcRequest, server_id: str, sent_s: float, payload: bytes) -> bytes:
    """Answer a request."""
    return _response(request, server_id, sent_s, {"raw_response": payload})


def failure(request: RpcRequest, server_id: str, sent_s: float, fault: Fault) -> bytes:
    """Say why a request is not served, with the phone's SIP status where it has one."""
    details: list[dict[str, object]] = []
    if fault.sip_status:
        code = cast("SIPStatusCode", fault.sip_status)  # perhaps one that the enum lacks
        value = SIPStatus(code=code, status=fault.sip_reason).SerializeToString()
        details.append({"type_url": f"{_TYPES}livekit.SIPStatus", "value": value})
    told = {"error": fault.text, "code": fault.code, "error_details": details}
    return _response(request, server_id, sent_s, told)


def _response(request: RpcRequest, server_id: str, sent_s: float, result: dict[str, Any]) -> bytes:
    wanted = {
        "request_id": request.request_id,
        "server_id": server_id,
        "sent_at": int(sent_s * 1e9),
        **result,
    }
    return _sealed("Response", wanted)


def _sealed(name: str, fields: dict[str, Any]) -> bytes:
    value: bytes = _MESSAGES[name](**fields).SerializeToString()
    sealed: bytes = _MESSAGES["Msg"](
        type_url=f"{_TYPES}internal.{name}", value=value
    ).SerializeToString()
    return sealed


def _opened(name: str, data: bytes) -> Any:  # noqa: ANN401 - a message made at run time
    if len(data) > MAX_BYTES:
        raise MalformedRpcError(f"larger than {MAX_BYTES} bytes")
    try:
        envelope = _MESSAGES["Msg"].FromString(data)
        if envelope.type_url.rpartition("/")[2] != f"internal.{name}":
            raise MalformedRpcError(f"not a {name}")
        return _MESSAGES[name].FromString(envelope.value)
    except DecodeError as error:
        raise MalformedRpcError(f"not a {name}: {error}") from error
