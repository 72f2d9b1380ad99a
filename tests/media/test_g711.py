import numpy as np
import pytest

from switchboard_media import g711
from switchboard_media.pcm import Pcm

EVERY_SAMPLE: Pcm = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


def samples(*values: int) -> Pcm:
    return np.array(values, np.int16)


def test_ulaw_decodes_the_values_of_table_2a() -> None:
    """ITU-T G.711 table 2a/2b, output values of the 14-bit scale times four."""
    first_of_each_segment = [0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0, 0xFF]
    expected = [8031, 3999, 1983, 975, 471, 219, 93, 30, 0]
    decoded = g711.ulaw_decode(bytes(first_of_each_segment))
    assert (decoded // 4).tolist() == expected
    negative = g711.ulaw_decode(bytes(code & 0x7F for code in first_of_each_segment))
    assert (negative == -decoded).all()


def test_alaw_decodes_the_values_of_table_1a() -> None:
    """ITU-T G.711 table 1a/1b, output values of the 13-bit scale times eight; even bits flip."""
    codes = bytes(code ^ 0x55 for code in (0xFF, 0xF0, 0xE0, 0xD0, 0xC0, 0xB0, 0xA0, 0x90, 0x80))
    expected = [4032, 2112, 1056, 528, 264, 132, 66, 33, 1]
    assert (g711.alaw_decode(codes) // 8).tolist() == expected
    negative = g711.alaw_decode(bytes(code ^ 0x80 for code in codes))
    assert (-negative // 8).tolist() == expected


def test_known_samples_encode_to_known_bytes() -> None:
    sound = samples(0, 4, 1000, -1000, 32767, -32768)
    assert g711.ulaw_encode(sound).hex() == "fffece4e8000"
    assert g711.alaw_encode(sound).hex() == "d5d5fa7aaa2a"


def test_silence_bytes_are_silent() -> None:
    assert g711.ulaw_decode(bytes([g711.ULAW_SILENCE])).tolist() == [0]
    assert g711.alaw_decode(bytes([g711.ALAW_SILENCE])).tolist() == [8]
    assert g711.ulaw_encode(samples(0)) == bytes([g711.ULAW_SILENCE])
    assert g711.alaw_encode(samples(0)) == bytes([g711.ALAW_SILENCE])


def test_every_code_survives_decoding_and_encoding() -> None:
    assert g711.alaw_encode(g711.alaw_decode(EVERY_CODE)) == EVERY_CODE
    through = bytearray(g711.ulaw_encode(g711.ulaw_decode(EVERY_CODE)))
    assert through[0x7F] == 0xFF, "negative zero becomes zero"
    through[0x7F] = 0x7F
    assert bytes(through) == EVERY_CODE


@pytest.mark.parametrize(
    ("decoded", "finest_step"),
    [
        (g711.ulaw_decode(g711.ulaw_encode(EVERY_SAMPLE)), 8),
        (g711.alaw_decode(g711.alaw_encode(EVERY_SAMPLE)), 16),
    ],
    ids=["ulaw", "alaw"],
)
def test_quantizing_errs_by_half_a_step_at_most(decoded: Pcm, finest_step: int) -> None:
    exact = EVERY_SAMPLE.astype(np.int32)
    inside = np.abs(exact) <= 32_124
    error = np.abs(decoded.astype(np.int32) - exact)
    # Sixteen steps to each doubling: half a step is a 32nd of the magnitude, ULAW's bias aside.
    bound = np.maximum(finest_step, (np.abs(exact) + 4 * 33) // 32 + 4)
    assert (error <= bound)[inside].all()
    assert (np.sign(decoded) * np.sign(exact) >= 0)[np.abs(exact) > finest_step].all()


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_louder_never_decodes_softer(law: str) -> None:
    encode, decode = getattr(g711, f"{law}_encode"), getattr(g711, f"{law}_decode")
    assert (np.diff(decode(encode(EVERY_SAMPLE)).astype(np.int32)) >= 0).all()


def test_a_view_with_strides_encodes_as_its_copy() -> None:
    every_other = EVERY_SAMPLE[::2]
    assert g711.ulaw_encode(every_other) == g711.ulaw_encode(every_other.copy())
