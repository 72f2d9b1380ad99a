import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media.g722 import G722Decoder, G722Encoder
from switchboard_media.pcm import Pcm, level_dbfs

QMF_DELAY_SAMPLES = 22
"""Both filter banks of the standard together."""


def tones(seconds: float = 0.5) -> Pcm:
    t = np.arange(int(16_000 * seconds)) / 16_000
    mixed = 8000 * np.sin(2 * np.pi * 1000 * t) + 3000 * np.sin(2 * np.pi * 5200 * t)
    sound: Pcm = mixed.astype(np.int16)
    return sound


def test_20_ms_make_160_bytes_and_320_samples() -> None:
    encoded = G722Encoder().encode(tones(0.02))
    assert len(encoded) == 160
    assert len(G722Decoder().decode(encoded)) == 320


def test_wideband_sound_comes_through_30_db_above_the_noise() -> None:
    sound = tones()
    heard = G722Decoder().decode(G722Encoder().encode(sound)).astype(np.float64)
    sent = sound[1000:-QMF_DELAY_SAMPLES].astype(np.float64)
    noise = heard[1000 + QMF_DELAY_SAMPLES :] - sent
    assert 10 * np.log10(np.mean(sent**2) / np.mean(noise**2)) > 30


def test_frames_join_as_if_coded_at_once() -> None:
    sound = tones()
    encoder, decoder = G722Encoder(), G722Decoder()
    frames = [encoder.encode(sound[at : at + 320]) for at in range(0, len(sound), 320)]
    whole = G722Encoder().encode(sound)
    assert b"".join(frames) == whole
    heard = np.concatenate([decoder.decode(frame) for frame in frames])
    assert np.array_equal(heard, G722Decoder().decode(whole))


def test_streams_do_not_share_their_predictor() -> None:
    lone, beside = G722Encoder(), G722Encoder()
    other = G722Encoder()
    sound = tones(0.04)
    first = lone.encode(sound)
    halves = [beside.encode(sound[:320]), other.encode(-sound[:320]), beside.encode(sound[320:])]
    assert halves[0] + halves[2] == first


def test_a_view_with_strides_encodes_as_its_copy() -> None:
    doubled = np.repeat(tones(0.02), 2)
    assert G722Encoder().encode(doubled[::2]) == G722Encoder().encode(tones(0.02))


def test_an_odd_number_of_samples_is_refused_not_cut() -> None:
    with pytest.raises(ValueError, match="even"):
        G722Encoder().encode(tones(0.02)[:319])


def test_silence_stays_silent() -> None:
    encoded = G722Encoder().encode(np.zeros(3200, np.int16))
    assert level_dbfs(G722Decoder().decode(encoded)) < -75


@given(st.binary(max_size=400))
def test_any_bytes_decode(payload: bytes) -> None:
    assert len(G722Decoder().decode(payload)) == 2 * len(payload)
