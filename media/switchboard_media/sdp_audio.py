"""Offer and answer (RFC 3264) for one audio stream with keys as RFC 4733 events.

`answer_audio` is what a called party does with an INVITE's body, `offer_audio` and
`read_answer` are the calling side. Both end in an `AudioSession`: all that the sound path must
know. The answer keeps the offer's `m=` lines in number and order and refuses (port 0) each but
the first audio it can speak; the caller's order of codecs decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from switchboard_media.codec import CODECS, Codec, codec_for_payload_type, codec_named
from switchboard_media.errors import MalformedSdp
from switchboard_media.sdp import Direction, Media, RtpMap, SessionDescription

PTIME_MS: Final = 20
TELEPHONE_EVENT: Final = "telephone-event"
EVENT_PAYLOAD_TYPE: Final = 101
EVENT_CLOCK_RATE_HZ: Final = 8000
EVENT_KEYS: Final = "0-15"
"""0-9, *, #, A-D."""
_RTP_PROTOCOLS: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
_UNSPECIFIED: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never bound


class NoCommonAudio(Exception):  # noqa: N818 - named by its reason, as SIP's 488 is
    """Nothing offered can be spoken here: answer 488; remedy: enable PCMU, PCMA or G722."""


@dataclass(frozen=True, slots=True)
class RtpAddress:
    """Where a side receives its audio."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class AudioSession:
    """What both sides agreed on, from our side."""

    remote: RtpAddress
    codec: Codec
    payload_type: int
    """The number agreed for the codec (its static one, but for odd peers)."""
    event_payload_type: int | None
    """The number for keys; None = the peer sends none."""
    direction: Direction = Direction.SENDRECV
    ptime_ms: int = PTIME_MS

    @property
    def may_send(self) -> bool:
        """Whether audio may be sent: not on hold, not to the old hold address 0.0.0.0."""
        return (
            self.direction.sends and self.remote.port > 0 and self.remote.host not in _UNSPECIFIED
        )


@dataclass(frozen=True, slots=True)
class AudioAnswer:
    """The body to send back, and what it means."""

    description: SessionDescription
    session: AudioSession


def answer_audio(
    offer: SessionDescription,
    *,
    local: RtpAddress,
    session_id: int,
    session_version: int = 0,
    codecs: Sequence[Codec] = CODECS,
) -> AudioAnswer:
    """Accept the first audio stream that can be spoken."""
    index, session = _first_session(offer, codecs)
    accepted = _audio_media(
        local, [(session.payload_type, session.codec)], session.event_payload_type
    )
    answered = tuple(
        _directed(accepted, session.direction) if i == index else _refused(m)
        for i, m in enumerate(offer.media)
    )
    description = SessionDescription(
        origin_address=local.host,
        media=answered,
        session_id=session_id,
        session_version=session_version,
        address=local.host,
    )
    return AudioAnswer(description, session)


def offer_audio(
    *,
    local: RtpAddress,
    session_id: int,
    session_version: int = 0,
    codecs: Sequence[Codec] = CODECS,
    direction: Direction = Direction.SENDRECV,
) -> SessionDescription:
    """Ask for audio in one of these codecs, best first, with keys."""
    media = _audio_media(local, [(c.payload_type, c) for c in codecs], EVENT_PAYLOAD_TYPE)
    return SessionDescription(
        origin_address=local.host,
        media=(_directed(media, direction),),
        session_id=session_id,
        session_version=session_version,
        address=local.host,
    )


def read_answer(
    answer: SessionDescription, codecs: Sequence[Codec] = CODECS, *, index: int = 0
) -> AudioSession:
    """What the answer to our offer settled, from our side."""
    if index >= len(answer.media):
        raise NoCommonAudio("the answer has no stream in the place of ours")
    session = _session(answer, answer.media[index], codecs)
    if session is None:
        raise NoCommonAudio("the answer refused the stream or chose a codec not offered")
    return session


def _first_session(offer: SessionDescription, codecs: Sequence[Codec]) -> tuple[int, AudioSession]:
    for index, media in enumerate(offer.media):
        session = _session(offer, media, codecs)
        if session is not None:
            return index, session
    raise NoCommonAudio("no offered audio stream has a codec in common")


def _session(
    description: SessionDescription, media: Media, codecs: Sequence[Codec]
) -> AudioSession | None:
    """Our side of a peer's media, or None where it cannot be spoken."""
    if media.kind != "audio" or media.port == 0 or media.protocol not in _RTP_PROTOCOLS:
        return None
    spoken = _first_spoken(media, codecs)
    if spoken is None:
        return None
    host = description.address_of(media)
    if host is None:
        raise MalformedSdp("an audio stream without a c= line for it or the session")
    payload_type, codec = spoken
    return AudioSession(
        remote=RtpAddress(host, media.port),
        codec=codec,
        payload_type=payload_type,
        event_payload_type=_event_payload_type(media, codec),
        direction=description.direction_of(media).mirrored,
        ptime_ms=PTIME_MS,
    )


def _first_spoken(media: Media, codecs: Sequence[Codec]) -> tuple[int, Codec] | None:
    for payload_type in media.payload_types:
        mapping = media.rtpmap(payload_type)
        if mapping is None:
            codec = codec_for_payload_type(payload_type)
        elif mapping.channels == 1:
            codec = codec_named(mapping.encoding, mapping.clock_rate_hz)
        else:
            codec = None
        if codec is not None and codec in codecs:
            return payload_type, codec
    return None


def _event_payload_type(media: Media, codec: Codec) -> int | None:
    """Keys must run on the codec's RTP clock, or timestamps would jump (RFC 4733 2.1)."""
    for payload_type in media.payload_types:
        mapping = media.rtpmap(payload_type)
        if (
            mapping is not None
            and mapping.encoding.lower() == TELEPHONE_EVENT
            and mapping.clock_rate_hz == codec.clock_rate_hz
        ):
            return payload_type
    return None


def _audio_media(
    local: RtpAddress, codecs: Sequence[tuple[int, Codec]], event_payload_type: int | None
) -> Media:
    rtpmaps = [RtpMap(number, codec.name, codec.clock_rate_hz) for number, codec in codecs]
    fmtp: tuple[tuple[int, str], ...] = ()
    if event_payload_type is not None:
        rtpmaps.append(RtpMap(event_payload_type, TELEPHONE_EVENT, EVENT_CLOCK_RATE_HZ))
        fmtp = ((event_payload_type, EVENT_KEYS),)
    return Media(
        kind="audio",
        port=local.port,
        formats=tuple(str(m.payload_type) for m in rtpmaps),
        rtpmaps=tuple(rtpmaps),
        fmtp=fmtp,
        ptime_ms=PTIME_MS,
    )


def _directed(media: Media, direction: Direction) -> Media:
    return Media(
        kind=media.kind,
        port=media.port,
        protocol=media.protocol,
        formats=media.formats,
        direction=direction,
        rtpmaps=media.rtpmaps,
        fmtp=media.fmtp,
        ptime_ms=media.ptime_ms,
    )


def _refused(offered: Media) -> Media:
    return Media(kind=offered.kind, port=0, protocol=offered.protocol, formats=offered.formats)
