import numpy as np
import pytest

from switchboard_media import codec
from switchboard_media.codec import CODECS, G722, PCMA, PCMU, Codec
from switchboard_media.pcm import level_dbfs

each_codec = pytest.mark.parametrize("c", CODECS, ids=lambda c: c.name)


def test_payload_types_are_those_of_rfc_3551() -> None:
    assert {c.name: c.payload_type for c in CODECS} == {"PCMU": 0, "PCMA": 8, "G722": 9}


def test_g722_counts_8000_but_samples_16000() -> None:
    assert (G722.clock_units(20), G722.samples(20), G722.payload_bytes(20)) == (160, 320, 160)


@each_codec
def test_a_frame_has_the_size_the_table_says(c: Codec) -> None:
    frame = np.zeros(c.samples(20), np.int16)
    payload = c.make_encoder().encode(frame)
    assert len(payload) == c.payload_bytes(20) == 160
    assert len(c.make_decoder().decode(payload)) == len(frame)


@each_codec
def test_the_silence_byte_is_silent(c: Codec) -> None:
    assert level_dbfs(c.make_decoder().decode(bytes([c.silence_byte]) * 1600)) < -70


@each_codec
def test_a_voice_keeps_its_level(c: Codec) -> None:
    t = np.arange(c.sample_rate_hz // 2) / c.sample_rate_hz
    voice = (6000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)
    heard = c.make_decoder().decode(c.make_encoder().encode(voice))
    assert level_dbfs(heard[200:]) == pytest.approx(level_dbfs(voice), abs=0.2)


def test_codecs_are_found_by_name_whatever_its_case() -> None:
    assert codec.codec_named("pcmu", 8000) is PCMU
    assert codec.codec_named("G722", 16_000) is None, "RFC 3551 says 8000"
    assert codec.codec_named("opus", 48_000) is None


def test_codecs_are_found_by_static_payload_type() -> None:
    assert codec.codec_for_payload_type(8) is PCMA
    assert codec.codec_for_payload_type(18) is None
