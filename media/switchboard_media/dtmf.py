"""Telephone keys as RTP events: RFC 4733.

A key press is not sound but a series of packets that all bear the timestamp of its start, with
a growing duration; the last is marked as the end and sent three times, because nothing repeats
a lost one. `key_press` makes the series. `DtmfReceiver` turns any such series, however torn,
into one digit at its first packet: a caller's key should stop the agent's voice at once.
"""

import struct
from collections import deque
from dataclasses import dataclass
from typing import Final

from switchboard_media.errors import MalformedPacket
from switchboard_media.rtp import TIMESTAMP_MODULUS

KEYS: Final = "0123456789*#ABCD"
"""In the order of event codes 0-15 (RFC 4733 table 3)."""
EVENT_BYTES: Final = 4
MAX_DURATION: Final = 0xFFFF
END_REPEATS: Final = 3
DEFAULT_VOLUME: Final = 10
"""-10 dBm0, what most telephones send."""
TONE_MS: Final = 100
GAP_MS: Final = 100
"""What every receiver takes: Q.24 asks for 40 ms of tone and of gap at least."""
_REMEMBERED: Final = 16
_EVENT: Final = struct.Struct("!BBH")
_END_BIT: Final = 0x80
_VOLUME_BITS: Final = 0x3F


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """One payload."""

    code: int
    """0-15 are keys, 16 is the hook flash, others are tones of modems and lines."""
    end: bool
    duration: int
    """Clock units since the start."""
    volume: int = DEFAULT_VOLUME
    """Level in -dBm0, 0-63: smaller is louder."""

    @property
    def key(self) -> str | None:
        """The key, where the event is one."""
        return KEYS[self.code] if self.code < len(KEYS) else None


@dataclass(frozen=True, slots=True)
class EventPacket:
    """One packet of a series, for `rtp_stream.RtpSender.event`."""

    payload: bytes
    marker: bool
    """First of its series."""
    advance: int
    """Clock units from this packet to the next: 0 between the copies of the end."""


def parse(payload: bytes) -> TelephoneEvent:
    """An event payload. Raises `MalformedPacket` only."""
    if len(payload) < EVENT_BYTES or len(payload) % EVENT_BYTES:
        raise MalformedPacket("a telephone event is not four bytes")
    code, flags, duration = _EVENT.unpack_from(payload)
    return TelephoneEvent(code, bool(flags & _END_BIT), duration, flags & _VOLUME_BITS)


def serialize(event: TelephoneEvent) -> bytes:
    """The event as a payload."""
    flags = (_END_BIT if event.end else 0) | (event.volume & _VOLUME_BITS)
    return _EVENT.pack(event.code, flags, event.duration)


def key_press(
    key: str, *, duration: int = 1280, step: int = 160, volume: int = DEFAULT_VOLUME
) -> tuple[EventPacket, ...]:
    """The series of one key: by default 160 ms with a packet each 20 ms at 8 kHz."""
    code = KEYS.find(key.upper()) if len(key) == 1 else -1
    if code < 0:
        raise ValueError(f"no telephone has this key; keys are {KEYS}")
    if not 0 < step <= duration <= MAX_DURATION:
        raise ValueError("need 0 < step <= duration <= 65535")
    series = [
        EventPacket(
            serialize(TelephoneEvent(code, end=False, duration=at, volume=volume)), at == step, step
        )
        for at in range(step, duration, step)
    ]
    end = serialize(TelephoneEvent(code, end=True, duration=duration, volume=volume))
    # Time goes on after the last copy: the whole series advances by `duration`.
    advances = (*[0] * (END_REPEATS - 1), duration - len(series) * step)
    ends = [
        EventPacket(end, marker=not series and copy == 0, advance=advance)
        for copy, advance in enumerate(advances)
    ]
    return (*series, *ends)


class DtmfReceiver:
    """One peer's keys."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._open: tuple[int, int, int] | None = None
        """SSRC, code and timestamp of the key that is down."""

    def receive(self, ssrc: int, timestamp: int, payload: bytes) -> str | None:
        """The key, at the first packet of its series. Raises `MalformedPacket` only."""
        event = parse(payload)
        series = (ssrc, timestamp)
        if series in self._seen:
            if event.end and self._open == (ssrc, event.code, timestamp):
                self._open = None
            return None
        self._seen.append(series)
        continues = self._continues(ssrc, timestamp, event)
        self._open = None if event.end else (ssrc, event.code, timestamp)
        return None if continues else event.key

    def _continues(self, ssrc: int, timestamp: int, event: TelephoneEvent) -> bool:
        """A key held longer than a duration can say goes on in a new series (2.5.1.3)."""
        if self._open is None:
            return False
        open_ssrc, code, start = self._open
        follows = (start + MAX_DURATION) % TIMESTAMP_MODULUS
        return (open_ssrc, code) == (ssrc, event.code) and timestamp == follows
