"""The sending side of one RTP stream: numbers that only ever count on.

Sequence and timestamp wrap; the marker stands on the first packet after silence (RFC 3551 4.1);
keys keep the timestamp of their start while time goes on below them (RFC 4733 2.5.1.2). Start
values are passed in, because RFC 3550 wants them random and this package draws nothing.
"""

from switchboard_media.dtmf import EventPacket
from switchboard_media.rtp import SEQUENCE_MODULUS, TIMESTAMP_MODULUS, serialize_plain


class RtpSender:
    """One stream."""

    def __init__(self, *, ssrc: int, sequence: int, timestamp: int) -> None:
        self._ssrc = ssrc % TIMESTAMP_MODULUS
        self._sequence = sequence % SEQUENCE_MODULUS
        self._timestamp = timestamp % TIMESTAMP_MODULUS
        self._event_timestamp = self._timestamp
        self._talking = False
        self.packets = 0
        """Sent so far."""
        self.payload_bytes = 0

    @property
    def ssrc(self) -> int:
        """The stream's name."""
        return self._ssrc

    @property
    def timestamp(self) -> int:
        """Of the next frame."""
        return self._timestamp

    def audio(self, payload: bytes, *, payload_type: int, duration: int) -> bytes:
        """A frame that lasts `duration` clock units."""
        marker, self._talking = not self._talking, True
        return self._packet(payload, payload_type, self._timestamp, duration, marker=marker)

    def event(self, packet: EventPacket, *, payload_type: int) -> bytes:
        """One packet of a key press; sound that plays on needs `audio`, not `silence`."""
        if packet.marker:
            self._event_timestamp = self._timestamp
        self._talking = False
        return self._packet(
            packet.payload,
            payload_type,
            self._event_timestamp,
            packet.advance,
            marker=packet.marker,
        )

    def silence(self, duration: int) -> None:
        """Let time pass without a packet."""
        self._talking = False
        self._advance(duration)

    def _packet(
        self, payload: bytes, payload_type: int, timestamp: int, duration: int, *, marker: bool
    ) -> bytes:
        data = serialize_plain(
            payload_type, self._sequence, timestamp, self._ssrc, payload, marker=marker
        )
        self._sequence = (self._sequence + 1) % SEQUENCE_MODULUS
        self._advance(duration)
        self.packets += 1
        self.payload_bytes += len(payload)
        return data

    def _advance(self, duration: int) -> None:
        self._timestamp = (self._timestamp + duration) % TIMESTAMP_MODULUS
