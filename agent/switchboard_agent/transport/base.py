"""A call's audio path, whatever carries it: LiveKit room, loopback, later a WebSocket.

A transport pushes the caller's frames into a `Listener` on the event loop and takes the agent's
frames one by one, exactly when they are due: the pacer owns time, the transport owns the wire.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from switchboard_contract.call_events import Channel, Direction, TransferResult

Pcm = NDArray[np.int16]
"""Mono linear PCM."""

SAMPLE_RATE_HZ = 16_000
"""Rate of all PCM between transport and providers."""

FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000


class CloseReason(StrEnum):
    """Why a transport ended by itself."""

    CALLER_LEFT = "caller_left"
    ROOM_CLOSED = "room_closed"
    LOST = "lost"
    REMOVED = "removed"
    """This side was put out: as a rule, another worker goes on with the call."""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Who calls whom, and which agent revision answers."""

    call_id: str
    agent: str
    """`namespace/name` of the VoiceAgent."""
    revision: str
    channel: Channel = Channel.SIP
    direction: Direction = Direction.INBOUND
    room: str = ""
    caller: str = ""
    called: str = ""
    test_id: str = ""
    job_id: str = ""
    """LiveKit's job, or the name of the call's places; empty where nobody else can go on with the
    call."""


TRANSFER_SECONDS = 30.0
"""How long a human may be rung before the agent goes on with the caller."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What came of handing the caller over."""

    result: TransferResult
    sip_status: int | None = None
    """Final status of the other end; None if none came."""


class NotReachedError(Exception):
    """The human whom the caller was to be handed over to is not on the line."""

    def __init__(self, transferred: Transferred) -> None:
        """`transferred` says what came of it."""
        super().__init__(transferred.result.value)
        self.transferred = transferred


class Human(Protocol):
    """Who was called for a caller and has answered: hears the agent, and not the caller yet."""

    def play(self, frame: Pcm) -> None:
        """Say one frame to the human now. Never blocks."""

    async def connect(self) -> None:
        """Let caller and human hear each other, and nobody else. Raises where it cannot."""


class Listener(Protocol):
    """The receiving side of a transport. All methods return at once."""

    def on_audio(self, frame: Pcm) -> None:
        """One frame of the caller: `FRAME_SAMPLES` samples."""

    def on_dtmf(self, digit: str) -> None:
        """One key: 0-9, *, # or A-D (RFC 4733)."""

    def on_closed(self, reason: CloseReason) -> None:
        """The call is over; nothing follows."""


class CallTransport(Protocol):
    """One call's way to its caller."""

    @property
    def info(self) -> CallInfo:
        """Who calls whom."""

    def attach(self, listener: Listener) -> None:
        """Start pushing the caller's frames; frames that came earlier are delivered first."""

    def play(self, frame: Pcm) -> None:
        """Put one frame of the agent on the wire now. Never blocks."""

    async def transfer(self, to: str) -> Transferred:
        """Hand the caller over to a `tel:` or `sip:` URI, in `TRANSFER_SECONDS` or not at all.

        The call is still to be hung up afterwards. Never raises but for cancellation.
        """

    async def hang_up(self) -> None:
        """End the call for the caller and release everything. Safe to call twice."""


@runtime_checkable
class RingingTransport(Protocol):
    """A transport that may be there before its caller can hear."""

    async def wait_until_answered(self) -> None:
        """Wait until the caller can hear. Never raises but for cancellation."""


@runtime_checkable
class KeyTransport(Protocol):
    """A transport that carries keys beside the sound."""

    async def send_key(self, key: str) -> None:
        """Press 0-9, *, # or A-D; returns when the next may follow. Raises where it cannot."""


@runtime_checkable
class ConsultingTransport(Protocol):
    """A transport that can call a human for its caller."""

    @property
    def connected(self) -> bool:
        """Whether caller and human speak with each other: the call must not be hung up."""

    def consult(self, to: str, carrier: str) -> AbstractAsyncContextManager[Human]:
        """Call a human, who is put out at the end of the block unless connected by then.

        Raises `NotReachedError`, also inside the block when the human hangs up.
        """


@runtime_checkable
class BufferedTransport(Protocol):
    """A transport whose far end queues what it is given and plays it later."""

    def drop_unplayed(self) -> int:
        """Have the far end drop what it has not played; gives how many samples that were."""


@runtime_checkable
class ConcealingTransport(Protocol):
    """A transport whose far end makes up sound where none comes, and takes pauses for delay."""

    def play_silence(self) -> None:
        """Put one frame on the wire in which the agent says nothing."""
