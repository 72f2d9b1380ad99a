"""What happens to a call, what is done about it, and how it can end: the words of `call.Call`."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a call ended."""

    CALLER_HUNG_UP = "caller-hung-up"
    CALLEE_HUNG_UP = "callee-hung-up"
    ROOM_ENDED = "room-ended"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNROUTED = "unrouted"
    FORBIDDEN = "forbidden"
    AMBIGUOUS = "ambiguous"
    CHALLENGED = "challenged"
    UNAUTHORIZED = "unauthorized"
    BAD_REQUEST = "bad-request"
    NO_COMMON_CODEC = "no-common-codec"
    ENCRYPTION_UNSUPPORTED = "encryption-unsupported"
    PIN_UNSUPPORTED = "pin-unsupported"
    FULL = "full"
    LIVEKIT_UNREACHABLE = "livekit-unreachable"
    JOIN_FAILED = "join-failed"
    RINGING_TIMEOUT = "ringing-timeout"
    MEDIA_TIMEOUT = "media-timeout"
    MAX_DURATION = "max-duration"
    NEVER_ACKNOWLEDGED = "never-acknowledged"
    SHUTDOWN = "shutdown"
    INTERNAL_ERROR = "internal-error"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take at each stage; times of the matched trunk already applied."""

    ringing_s: float = 180.0
    """From the INVITE to the agent's sound, or to the answer of the phone that is called."""
    duration_s: float = 86_400.0
    """From the answer to the end."""
    first_media_s: float = 30.0
    """From the answer to the phone's first packet."""
    media_s: float = 15.0
    """Between two packets of the phone."""
    ring_again_s: float = 60.0
    """Between two 180 Ringing."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Trunk, rule, credentials and codec are all right."""

    limits: Limits


@dataclass(frozen=True, slots=True)
class Declined:
    """The call is refused before it rings. `silent` says nothing to the peer."""

    status: int
    outcome: Outcome
    text: str
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """The caller's participant is in the room."""


@dataclass(frozen=True, slots=True)
class JoinFailed:
    """The room could not be joined."""

    text: str


@dataclass(frozen=True, slots=True)
class AgentHeard:
    """Somebody in the room publishes sound, and it is subscribed."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The caller's ACK to the 200 is in."""


@dataclass(frozen=True, slots=True)
class NeverAcknowledged:
    """The 200 was repeated for 32 s without an ACK."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """CANCEL, or BYE before the answer."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """BYE of the caller."""


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """The room ended or the caller's participant was removed from it."""

    text: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The edge shuts down."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something inside the edge broke for this call."""

    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: `Call.deadline` is reached."""


Event = (
    Admitted
    | Declined
    | Joined
    | JoinFailed
    | AgentHeard
    | Acknowledged
    | NeverAcknowledged
    | Cancelled
    | HungUp
    | RoomClosed
    | Stopping
    | Failed
    | Tick
)


@dataclass(frozen=True, slots=True)
class Ring:
    """Send 180."""


@dataclass(frozen=True, slots=True)
class Join:
    """Join the room and publish the caller's track."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Send 200 with the answer's SDP and bridge both ways."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Send this final response."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """End the INVITE without a final response."""


@dataclass(frozen=True, slots=True)
class Bye:
    """Send BYE."""

    text: str


@dataclass(frozen=True, slots=True)
class End:
    """Leave the room, free the ports, log the outcome. Always the last command."""

    outcome: Outcome
    text: str


Command = Ring | Join | Accept | Reject | Ignore | Bye | End
