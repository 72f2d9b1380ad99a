"""Call events: what a worker reports while it serves a call.

Each event is one entry of the Redis stream `names.CALL_STREAM` with a single field `event` that
holds the event as JSON. `(call_id, sequence)` is unique: a consumer that sees an event twice drops
it. Sequence numbers grow, but may leave holes: a worker that goes on with a call of a dead one
begins at a multiple of `recovery.EPOCH_STRIDE` of its own, because what the dead one could not
bring out is not known. `call_record.fold` makes the one record of a call out of its events. A
consumer skips an event that does not validate: a newer worker may write types it does not know.

Text of caller and agent stands only in fields named `text`, `heard` and `slots`, keys only in those
named `dtmf`: personal data (pii), and keys may be secrets.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from switchboard_contract.crd.meta import Model

SCHEMA_VERSION: Literal[1] = 1


class Outcome(StrEnum):
    """How a call ended, seen from the worker."""

    COMPLETED = "completed"
    """The dialog came to its end and the agent hung up."""
    TRANSFERRED = "transferred"
    """A human took over."""
    CALLER_HUNG_UP = "caller_hung_up"
    NO_INPUT = "no_input"
    """The caller never spoke, or stopped answering."""
    NO_MEDIA = "no_media"
    """No audio packet of the caller arrived."""
    MAX_DURATION = "max_duration"
    DRAINED = "drained"
    """The worker was told to stop and its grace time ran out."""
    TRANSPORT_FAILED = "transport_failed"
    REMOVED = "removed"
    """The agent was put out of its room. If another worker goes on with the call, no event says so:
    the call is not over."""
    WORKER_LOST = "worker_lost"
    """The worker died and the call could not be gone on with: the caller had left, or no worker had
    a place. Written by a peer."""
    FAILED = "failed"
    """An error inside the worker; the log line carries the call id."""


class TransferResult(StrEnum):
    """How the attempt to hand a caller over went."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    """The carrier or the other end said no; `sip_status` tells why."""
    NO_ANSWER = "no_answer"
    UNSUPPORTED = "unsupported"
    """The caller came on a channel that cannot be transferred."""
    FAILED = "failed"
    """Nobody could be asked: no SIP bridge answered, say."""


class Channel(StrEnum):
    """How a caller came to the agent."""

    SIP = "sip"
    """By phone, through LiveKit's SIP bridge."""
    TWILIO = "twilio"
    """By phone, through a Twilio media stream."""
    ROOM = "room"
    """Into a LiveKit room by other means than a phone: a browser, say."""


class Direction(StrEnum):
    """Who began the call."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    """The agent: `caller` is its number, `called` the person who speaks to it."""


class ProviderPart(StrEnum):
    """What a provider is asked for."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"


class ProviderFault(StrEnum):
    """How a provider failed, as metrics name it."""

    SILENT = "silent"
    """Gave nothing in time."""
    BROKE_OFF = "broke_off"
    """Failed after it had begun."""
    GARBAGE = "garbage"
    ERROR = "error"
    """A recogniser or synthesiser failed before it gave anything."""
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    SERVER_ERROR = "server_error"
    EMPTY = "empty"
    """An answer without text."""
    SKIPPED = "skipped"
    """Was not asked, because it failed lately."""


class _Event(Model):
    schema_version: Literal[1] = SCHEMA_VERSION
    call_id: str
    sequence: int = Field(ge=0)
    at_unix_ms: int
    """Wall clock when it happened, milliseconds since 1970."""
    at_call_ms: int
    """Time since the call started, on the worker's monotonic clock."""


class CallStarted(_Event):
    """The worker took the call."""

    type: Literal["call.started"] = "call.started"
    tenant: str
    agent: str
    revision: str
    variant: str = ""
    """A/B variant that served; empty is the spec itself."""
    worker: str
    channel: Channel = Channel.SIP
    direction: Direction = Direction.INBOUND
    room: str
    """LiveKit room; empty where the call has none."""
    caller: str = ""
    called: str = ""
    test_id: str = ""


class CallRecovered(_Event):
    """Another worker goes on with the call: the one that held it died, froze or was cut off."""

    type: Literal["call.recovered"] = "call.recovered"
    worker: str
    turns: int
    """Answered turns that were brought over."""
    lost_ms: int
    """From when the call was found without a worker until this event."""


class TurnHeard(_Event):
    """The caller's turn ended; this is what was understood."""

    type: Literal["turn.heard"] = "turn.heard"
    turn: int
    text: str
    dtmf: str = ""
    speech_ended_call_ms: int
    """When the last voiced sample came in, on the call's clock."""


class ReplySpoken(_Event):
    """The agent's reply ended or was cut."""

    type: Literal["reply.spoken"] = "reply.spoken"
    turn: int
    text: str
    """What was to be said."""
    heard: str
    """What the caller heard of it, from samples played."""
    started_call_ms: int
    interrupted: bool
    turn_latency_ms: float | None = None
    """Last voiced caller sample to first agent sample; None for greetings and re-prompts."""


class SlotsChanged(_Event):
    """The dialog learned or corrected something."""

    type: Literal["slots.changed"] = "slots.changed"
    slots: dict[str, str]


class ProviderFailed(_Event):
    """A recogniser, language model or synthesiser failed, and the call went on.

    A model that failed was followed by the next of its chain. Written once for each provider, fault
    and turn, however often it was tried.
    """

    type: Literal["provider.failed"] = "provider.failed"
    part: ProviderPart
    provider: str
    """As the VoiceAgent names it."""
    fault: ProviderFault
    turn: int
    """Turns heard before."""


class KeysSent(_Event):
    """The agent pressed keys towards the caller."""

    type: Literal["keys.sent"] = "keys.sent"
    dtmf: str
    """Those that were sent, and w or a comma for each pause."""
    complete: bool
    """False where a key could not be sent, or the call ended before the last."""


class TransferRequested(_Event):
    """The agent asked for the caller to be put through."""

    type: Literal["transfer.requested"] = "transfer.requested"
    to: str
    warm: bool = False
    """Whether the human is called and briefed first, by the agent itself."""


class TransferEnded(_Event):
    """What came of it. Missing where the caller left meanwhile."""

    type: Literal["transfer.ended"] = "transfer.ended"
    result: TransferResult
    sip_status: int | None = None
    """Final SIP status of the other end, such as 486; None if none came."""


class CallEnded(_Event):
    """Last event of a call; exactly one per call."""

    type: Literal["call.ended"] = "call.ended"
    outcome: Outcome
    duration_ms: int
    slots: dict[str, str] = Field(default_factory=dict)
    """All slots at the end; a booking is read from here."""
    result: str = ""
    """Name of the flow that was completed, such as `book`; empty if none was."""


CallEvent = Annotated[
    CallStarted
    | CallRecovered
    | TurnHeard
    | ReplySpoken
    | SlotsChanged
    | ProviderFailed
    | KeysSent
    | TransferRequested
    | TransferEnded
    | CallEnded,
    Field(discriminator="type"),
]
CALL_EVENT: TypeAdapter[CallEvent] = TypeAdapter(CallEvent)
