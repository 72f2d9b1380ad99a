"""What the transaction machines share: times, names, and what they tell their user.

SIP over UDP loses and repeats datagrams, so each request and its responses form a transaction
(RFC 3261 section 17) that repeats what may be lost and swallows what came twice. The machines
here hold no clock: each call passes `now_s` (any monotonic seconds), and `deadline_s` says when
to call next.
"""

from dataclasses import dataclass
from enum import Enum

from switchboard_media.sip.headers import BRANCH_COOKIE
from switchboard_media.sip.message import Request, Response

Address = tuple[str, int]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Times of RFC 3261 table 4; all others are made from these."""

    t1_s: float = 0.5
    """Round trip estimate: the first retransmission."""
    t2_s: float = 4.0
    """Longest space between retransmissions."""
    t4_s: float = 5.0
    """Longest time a datagram lives in the network."""

    @property
    def give_up_s(self) -> float:
        """64*T1: timers B, F, H, J and L."""
        return 64 * self.t1_s


@dataclass(frozen=True, slots=True)
class Key:
    """A transaction's name (RFC 3261 17.1.3, 17.2.3)."""

    branch: str
    sent_by: str
    method: str
    """ACK and CANCEL are looked up under the method of what they are about."""


def key_of(request: Request, method: str = "") -> Key:
    """The transaction of a request, or of the request with another method beside it."""
    via = request.via
    branch = via.branch
    if not branch.startswith(BRANCH_COOKIE):
        # RFC 2543 peers: the branch names nothing; these together do.
        branch = f"{request.call_id} {request.sender.tag} {request.cseq.number}"
    method = method or request.method
    return Key(branch, via.sent_by.lower(), "INVITE" if method == "ACK" else method)


@dataclass(frozen=True, slots=True)
class Send:
    """A datagram to be put on the wire."""

    data: bytes
    to: Address


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request seen for the first time: answer it through its key."""

    key: Key
    request: Request


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The caller has our 2xx; `ack` may hold the SDP where the INVITE held none."""

    key: Key
    ack: Request


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up: answer the INVITE with 487. The CANCEL itself is answered."""

    key: Key
    """Of the INVITE."""
    cancel: Request


@dataclass(frozen=True, slots=True)
class Answered:
    """A response to a request of ours, each seen once, but for each copy of a 2xx to an INVITE."""

    key: Key
    response: Response


class Failure(Enum):
    """Why a transaction ended badly."""

    NO_ACK = "no_ack"
    """Nobody acknowledged our final response: after a 2xx, send BYE."""
    NO_RESPONSE = "no_response"
    """Nobody answered our request: act as on 408."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A transaction ended badly."""

    key: Key
    failure: Failure


Event = NewRequest | Acknowledged | Cancelled | Answered | Failed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call of the layer leads to: datagrams to send, then perhaps something to act on."""

    sends: tuple[Send, ...] = ()
    events: tuple[Event, ...] = ()
