"""Sound passes between phone and engine without seams, at its length, in frames of 20 ms."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm
from switchboard_agent.transport.twilio.sound import FRAME_BYTES, FromPhone, ToPhone
from switchboard_media.g711 import ulaw_decode, ulaw_encode


def tone(rate_hz: int, seconds: float, hz: float = 440.0) -> Pcm:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    wave: Pcm = (8000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)
    return wave


@given(st.lists(st.integers(0, 700), max_size=30))
def test_pieces_of_any_size_become_whole_frames_and_nothing_is_lost(sizes: list[int]) -> None:
    sound = ulaw_encode(tone(8000, 3.0))[: sum(sizes)]
    whole, ear = FromPhone(), FromPhone()
    frames = []
    at = 0
    for size in sizes:
        frames += ear.take(sound[at : at + size])
        at += size
    assert all(len(frame) == FRAME_SAMPLES for frame in frames)
    assert len(frames) == len(sound) // FRAME_BYTES
    expected = whole.take(sound)
    assert all(np.array_equal(a, b) for a, b in zip(frames, expected, strict=True))


def test_tone_of_the_caller_arrives_as_a_tone_without_seams() -> None:
    heard = np.concatenate(FromPhone().take(ulaw_encode(tone(8000, 1.0))))
    spectrum = np.abs(np.fft.rfft(heard[1600:].astype(float)))
    peak = int(np.argmax(spectrum))
    assert round(peak * 16_000 / len(heard[1600:])) == 440
    rest = np.delete(spectrum, range(peak - 3, peak + 4))
    assert 20 * np.log10(rest.max() / spectrum[peak]) < -30  # mu-law itself is at about -38 dB


def test_tone_of_the_agent_arrives_as_a_tone_without_seams() -> None:
    voice, spoken = ToPhone(), tone(16_000, 1.0)
    frames = spoken.reshape(-1, FRAME_SAMPLES)
    sent = b"".join(voice.take(frame) for frame in frames)
    assert len(sent) == 8000
    heard = ulaw_decode(sent)[800:].astype(float)
    spectrum = np.abs(np.fft.rfft(heard))
    peak = int(np.argmax(spectrum))
    assert round(peak * 8000 / len(heard)) == 440
    rest = np.delete(spectrum, range(peak - 3, peak + 4))
    assert 20 * np.log10(rest.max() / spectrum[peak]) < -30


def test_what_the_phone_cannot_carry_is_not_folded_into_what_it_can() -> None:
    voice, spoken = ToPhone(), tone(16_000, 1.0, hz=6000.0)
    sent = b"".join(voice.take(frame) for frame in spoken.reshape(-1, FRAME_SAMPLES))
    assert np.abs(ulaw_decode(sent)[800:-800].astype(int)).max() < 80
