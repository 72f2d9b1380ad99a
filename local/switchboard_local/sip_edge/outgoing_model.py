"""What happens to a call that is placed, and what is done about it: the words of `outgoing`.

What both directions share stands in `call_model`.
"""

from dataclasses import dataclass

from switchboard_local.sip_edge.call_model import (
    Bye,
    End,
    Failed,
    HungUp,
    Joined,
    JoinFailed,
    RoomClosed,
    Stopping,
    Tick,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call did not come about, as livekit-sip tells it to livekit-server."""

    code: str
    """psrpc's word."""
    text: str
    sip_status: int = 0
    """Of the phone's final response; 0 where there was none."""
    sip_reason: str = ""


@dataclass(frozen=True, slots=True)
class Provisional:
    """A 1xx response to our INVITE."""

    status: int


@dataclass(frozen=True, slots=True)
class PickedUp:
    """The phone's 200, acknowledged."""


@dataclass(frozen=True, slots=True)
class Unspeakable:
    """The phone's 200, acknowledged, but its SDP is of no use."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The call cannot be: the phone's final response, or what stands for it."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing answers our INVITE."""


Event = (
    Joined
    | JoinFailed
    | Provisional
    | PickedUp
    | Unspeakable
    | Refused
    | Unreachable
    | HungUp
    | RoomClosed
    | Stopping
    | Failed
    | Tick
)


@dataclass(frozen=True, slots=True)
class SendInvite:
    """Dial."""


@dataclass(frozen=True, slots=True)
class SendCancel:
    """Stop ringing."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Let both sides hear each other."""


@dataclass(frozen=True, slots=True)
class Show:
    """Tell the room how the call stands."""

    status: str


@dataclass(frozen=True, slots=True)
class Succeed:
    """Tell livekit-server that it is done."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Tell livekit-server why it is not done."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the room now: only the phone must still be told."""


Command = SendInvite | SendCancel | Talk | Show | Succeed | Fail | Leave | Bye | End
