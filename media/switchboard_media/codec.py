"""The codec seam: what SDP calls a codec, how RTP counts it, and who does the arithmetic.

The trap this table keeps: G.722 samples at 16 kHz, but RFC 3551 (4.5.2) fixes its RTP clock at
8 kHz for the sake of an old mistake. Timestamps step by `clock_rate_hz`, never by samples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from switchboard_media import g711, g722
from switchboard_media.pcm import Pcm


class Encoder(Protocol):
    """One outgoing stream's state."""

    def encode(self, pcm: Pcm) -> bytes:
        """RTP payload of these samples."""


class Decoder(Protocol):
    """One incoming stream's state."""

    def decode(self, payload: bytes) -> Pcm:
        """Samples of an RTP payload. Any bytes give samples; none raise."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One audio encoding with its static payload type of RFC 3551."""

    name: str
    """Encoding name in SDP; compared without regard to case."""
    payload_type: int
    clock_rate_hz: int
    """RTP timestamp units in a second."""
    sample_rate_hz: int
    """PCM samples in a second."""
    samples_per_byte: int
    silence_byte: int
    """A byte whose repetition sounds as silence (exactly so for G.711)."""
    make_encoder: Callable[[], Encoder]
    make_decoder: Callable[[], Decoder]

    def samples(self, ms: int) -> int:
        """PCM samples in a span of time."""
        return self.sample_rate_hz * ms // 1000

    def clock_units(self, ms: int) -> int:
        """RTP timestamp units in a span of time."""
        return self.clock_rate_hz * ms // 1000

    def payload_bytes(self, ms: int) -> int:
        """RTP payload size of a span of time."""
        return self.samples(ms) // self.samples_per_byte


PCMU: Final = Codec(
    name="PCMU",
    payload_type=0,
    clock_rate_hz=8000,
    sample_rate_hz=8000,
    samples_per_byte=1,
    silence_byte=g711.ULAW_SILENCE,
    make_encoder=g711.UlawEncoder,
    make_decoder=g711.UlawDecoder,
)
PCMA: Final = Codec(
    name="PCMA",
    payload_type=8,
    clock_rate_hz=8000,
    sample_rate_hz=8000,
    samples_per_byte=1,
    silence_byte=g711.ALAW_SILENCE,
    make_encoder=g711.AlawEncoder,
    make_decoder=g711.AlawDecoder,
)
G722: Final = Codec(
    name="G722",
    payload_type=9,
    clock_rate_hz=8000,
    sample_rate_hz=g722.SAMPLE_RATE_HZ,
    samples_per_byte=g722.SAMPLES_PER_BYTE,
    silence_byte=0xFF,
    make_encoder=g722.G722Encoder,
    make_decoder=g722.G722Decoder,
)

CODECS: Final = (G722, PCMU, PCMA)
"""All that can be spoken, best first."""


def codec_named(name: str, clock_rate_hz: int) -> Codec | None:
    """The codec that an rtpmap line means."""
    wanted = name.upper()
    return next((c for c in CODECS if (c.name, c.clock_rate_hz) == (wanted, clock_rate_hz)), None)


def codec_for_payload_type(payload_type: int) -> Codec | None:
    """The codec that a static payload type means where no rtpmap line says otherwise."""
    return next((c for c in CODECS if c.payload_type == payload_type), None)
