"""Responses to a request (RFC 3261 section 8.2.6), with the words people read.

A response repeats Via, From, To, Call-ID and CSeq of its request. The To gets this side's tag
in all but 100, and what makes a dialog (101-299) repeats Record-Route, so that the caller
learns its route set.
"""

from collections.abc import Iterable
from typing import Final

from switchboard_media.sip.message import Headers, Request, Response

REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
TRYING: Final = 100
_FIRST_FAILURE: Final = 300
_REPEATED: Final = frozenset({"via", "from", "call-id", "cseq"})


def response_to(
    request: Request,
    status: int,
    *,
    to_tag: str = "",
    reason: str = "",
    headers: Iterable[tuple[str, str]] = (),
    content_type: str = "",
    body: bytes = b"",
) -> Response:
    """The response with this status; `to_tag` is used where the request's To has none."""
    makes_dialog = TRYING < status < _FIRST_FAILURE
    kept: list[tuple[str, str]] = []
    for name, value in request.headers.items:
        key = name.lower()
        if key in _REPEATED or (key == "record-route" and makes_dialog):
            kept.append((name, value))
        elif key == "to":
            kept.append((name, _tagged(request, value, to_tag if status > TRYING else "")))
        elif key == "timestamp" and status == TRYING:
            kept.append((name, value))
    if content_type:
        kept.append(("Content-Type", content_type))
    text = reason or REASONS.get(status, "Unknown")
    return Response(status, text, Headers((*kept, *headers)), body)


def _tagged(request: Request, value: str, tag: str) -> str:
    """To as it came (its spelling is the peer's), with a tag where it has none."""
    recipient = request.recipient
    if not tag or recipient.tag is not None:
        return value
    return f"{value};tag={tag}" if "<" in value else str(recipient.with_tag(tag))
