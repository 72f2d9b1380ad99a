"""The values of a routing decision: what comes in, what it is matched against, what comes out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_NUMBER = re.compile(r"\+?[0-9\- ()]+")
_FORMATTING = str.maketrans("", "", " -()")


def normalize_number(number: str) -> str:
    """Strip formatting and lead with "+"; what is not a phone number stays as it is."""
    if not _NUMBER.fullmatch(number):
        return number
    digits = number.translate(_FORMATTING)
    return digits if digits.startswith("+") else f"+{digits}"


@dataclass(frozen=True, slots=True)
class Invite:
    """What an INVITE says about itself, before anything is believed."""

    called: str
    """User part of To, exactly as sent."""
    caller: str
    """User part of From, exactly as sent."""
    source_ip: str = ""
    """Address the packet came from. Unreadable or empty passes every address filter."""
    from_host: str = ""
    """Host part of From: it matches a host name among the allowed addresses."""


@dataclass(frozen=True, slots=True)
class InboundTrunk:
    """Who may call which numbers from where."""

    id: str
    name: str = ""
    metadata: str = ""
    numbers: tuple[str, ...] = ()
    """Called numbers; empty takes any."""
    allowed_addresses: tuple[str, ...] = ()
    """Source addresses, CIDR ranges or From hosts; empty takes any."""
    allowed_numbers: tuple[str, ...] = ()
    """Calling numbers; empty takes any."""
    auth_username: str = ""
    auth_password: str = field(default="", repr=False)
    auth_realm: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Headers of the 200 OK."""
    headers_to_attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    ringing_timeout_s: float = 0.0
    """Longest wait for the agent's audio; 0 leaves the edge's default."""
    max_call_duration_s: float = 0.0
    """Longest call; 0 leaves the edge's default."""
    requires_encryption: bool = False
    """Whether media must be SRTP: a call without is not taken."""
    codecs: tuple[str, ...] = ()
    """The only codecs that calls may use, by their names in SDP; empty leaves the edge's own."""


class RuleKind(StrEnum):
    """How a dispatch rule names the room."""

    DIRECT = "direct"
    INDIVIDUAL = "individual"
    CALLEE = "callee"


@dataclass(frozen=True, slots=True)
class DispatchRule:
    """Which room a call joins and which agents are called to it."""

    id: str
    kind: RuleKind = RuleKind.INDIVIDUAL
    name: str = ""
    metadata: str = ""
    """Becomes the caller's participant metadata."""
    trunk_ids: tuple[str, ...] = ()
    """Trunks it serves. Empty serves every trunk, and callers that matched none."""
    numbers: tuple[str, ...] = ()
    """Called numbers, compared as exact strings; empty takes any."""
    inbound_numbers: tuple[str, ...] = ()
    """Calling numbers, compared as exact strings; empty takes any."""
    room_name: str = ""
    """Room of a direct rule."""
    room_prefix: str = ""
    """Start of the room's name for the other kinds."""
    randomize: bool = True
    """Whether the room's name ends in a random part (never for a direct rule)."""
    pin: str = field(default="", repr=False)
    hide_phone_number: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    agents: tuple[str, ...] = ()
    """Names of the agents that the room's configuration dispatches."""
    room_config: Mapping[str, object] = field(default_factory=dict, hash=False)
    """LiveKit's RoomConfiguration as JSON, for the caller's token."""

    @property
    def room(self) -> str:
        """Room name or prefix: what LiveKit breaks ties by."""
        return self.room_name if self.kind is RuleKind.DIRECT else self.room_prefix


@dataclass(frozen=True, slots=True)
class Check:
    """One trunk or rule that was looked at, and what came of it."""

    subject: str
    """"trunk" or "rule"."""
    id: str
    name: str
    passed: bool
    because: str


class RefusalReason(StrEnum):
    """Why no rule takes the call."""

    NO_TRUNK = "no-trunk"
    SOURCE_NOT_ALLOWED = "source-not-allowed"
    CALLER_NOT_ALLOWED = "caller-not-allowed"
    TRUNKS_AMBIGUOUS = "trunks-ambiguous"
    NO_RULE = "no-rule"
    RULES_AMBIGUOUS = "rules-ambiguous"
    WRONG_PIN = "wrong-pin"


_FORBIDDEN = (
    RefusalReason.SOURCE_NOT_ALLOWED,
    RefusalReason.CALLER_NOT_ALLOWED,
    RefusalReason.WRONG_PIN,
)
_AMBIGUOUS = (RefusalReason.TRUNKS_AMBIGUOUS, RefusalReason.RULES_AMBIGUOUS)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The call is not taken."""

    reason: RefusalReason
    text: str
    remedy: str
    explanation: tuple[Check, ...] = ()

    @property
    def sip_status(self) -> int:
        """What a peer should be told: 403 not from there, 503 our fault, 404 nobody here."""
        if self.reason in _FORBIDDEN:
            return 403
        return 503 if self.reason in _AMBIGUOUS else 404


@dataclass(frozen=True, slots=True)
class TrunkMatch:
    """The trunk of a call, or none: LiveKit then goes on to rules that serve every trunk."""

    trunk: InboundTrunk | None
    explanation: tuple[Check, ...]
    refused: RefusalReason | None = None
    """With no trunk: what kept out the trunk that holds the called number, if one does."""


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The dispatch rule of a call."""

    rule: DispatchRule
    explanation: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """The call is taken."""

    trunk: InboundTrunk | None
    rule: DispatchRule
    explanation: tuple[Check, ...]

    @property
    def fail_open(self) -> bool:
        """No trunk vouches for the caller: a rule without trunks takes anyone, unchecked."""
        return self.trunk is None

    @property
    def pin_required(self) -> bool:
        """Whether the caller must key a PIN before the room opens."""
        return bool(self.rule.pin)
