"""Sound passes between phone and engine without seams, at its length, in frames of 20 ms."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm
from switchboard_agent.transport.twilio.sound import FRAME_BYTES, WAIT_SECONDS, PhoneSound
from switchboard_media.fir_resample import FrameResampler
from switchboard_media.g711 import ulaw_decode, ulaw_encode
from tests.support.virtual_time import run_virtual

T = TypeVar("T")


def tone(rate_hz: int, seconds: float, hz: float = 440.0) -> Pcm:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    wave: Pcm = (8000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)
    return wave


async def in_turns(
    takes: list[Callable[[T], None]], said: list[list[T]], pass_seconds: float
) -> None:
    """Everybody says the next of his pieces at a time; not every time a pass is waited for."""
    for turn in range(max(map(len, said), default=0)):
        for take, pieces in zip(takes, said, strict=True):
            if turn < len(pieces):
                take(pieces[turn])
        if turn % 3:
            await asyncio.sleep(pass_seconds)
    await asyncio.sleep(pass_seconds)


def heard(pieces: list[list[bytes]]) -> list[list[Pcm]]:
    """What comes of what several callers say at a time; each has a list of pieces."""

    async def run() -> list[list[Pcm]]:
        sound, frames = PhoneSound(), [list[Pcm]() for _ in pieces]
        ears = [sound.caller(found.append) for found in frames]
        await in_turns([ear.take for ear in ears], pieces, WAIT_SECONDS)
        return frames

    return run_virtual(run())


def spoken(frames: list[list[Pcm]]) -> list[bytes]:
    """What goes out of what several agents say at a time."""

    async def run() -> list[bytes]:
        sound, sent = PhoneSound(), [list[bytes]() for _ in frames]
        voices = [sound.agent(found.append) for found in sent]
        await in_turns([voice.take for voice in voices], frames, 0)
        return [b"".join(found) for found in sent]

    return run_virtual(run())


def cut(sound: bytes, sizes: list[int]) -> list[bytes]:
    ends = np.cumsum(sizes).tolist()
    return [sound[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def near(one: Pcm, other: Pcm) -> bool:
    """The order of additions in a product depends on its size: one step of rounding."""
    return one.shape == other.shape and not (abs(one.astype(int) - other) > 1).any()


@given(st.lists(st.lists(st.integers(0, 700), max_size=12), max_size=4))
def test_pieces_of_any_size_become_whole_frames_and_nothing_is_lost(sizes: list[list[int]]) -> None:
    sounds = [
        ulaw_encode(tone(8000, 2.0, hz=300.0 + 100 * n))[: sum(each)]
        for n, each in enumerate(sizes)
    ]
    found = heard([cut(sound, each) for sound, each in zip(sounds, sizes, strict=True)])
    for sound, frames in zip(sounds, found, strict=True):
        assert all(len(frame) == FRAME_SAMPLES for frame in frames)
        whole = sound[: len(sound) - len(sound) % FRAME_BYTES]
        alone = FrameResampler(8000, 16_000).process(ulaw_decode(whole))
        assert near(np.concatenate([*frames, np.zeros(0, np.int16)]), alone)


@given(st.lists(st.integers(0, 12), max_size=4))
def test_what_several_agents_say_goes_out_to_each_as_if_alone(lengths: list[int]) -> None:
    said = [
        list(tone(16_000, 0.02 * count, hz=300.0 + 100 * n).reshape(-1, FRAME_SAMPLES))
        for n, count in enumerate(lengths)
    ]
    for frames, sent in zip(said, spoken(said), strict=True):
        whole = np.concatenate([*frames, np.zeros(0, np.int16)])
        alone = FrameResampler(16_000, 8000).process(whole)
        wrong = np.frombuffer(sent, np.uint8) != np.frombuffer(ulaw_encode(alone), np.uint8)
        assert wrong.sum() <= len(wrong) // 50  # a step of rounding next to a border of the code


def test_frame_of_another_length_is_refused_before_it_is_among_those_of_other_calls() -> None:
    whole = np.zeros(FRAME_SAMPLES, np.int16)
    with pytest.raises(ValueError, match="320 samples"):
        spoken([[whole], [whole[1:]]])


def test_tone_of_the_caller_arrives_as_a_tone_without_seams() -> None:
    [frames] = heard([[ulaw_encode(tone(8000, 1.0))]])
    found = np.concatenate(frames)[1600:]
    spectrum = np.abs(np.fft.rfft(found.astype(float)))
    peak = int(np.argmax(spectrum))
    assert round(peak * 16_000 / len(found)) == 440
    rest = np.delete(spectrum, range(peak - 3, peak + 4))
    assert 20 * np.log10(rest.max() / spectrum[peak]) < -30  # mu-law itself is at about -38 dB


def test_tone_of_the_agent_arrives_as_a_tone_without_seams() -> None:
    [sent] = spoken([list(tone(16_000, 1.0).reshape(-1, FRAME_SAMPLES))])
    assert len(sent) == 8000
    found = ulaw_decode(sent)[800:].astype(float)
    spectrum = np.abs(np.fft.rfft(found))
    peak = int(np.argmax(spectrum))
    assert round(peak * 8000 / len(found)) == 440
    rest = np.delete(spectrum, range(peak - 3, peak + 4))
    assert 20 * np.log10(rest.max() / spectrum[peak]) < -30


def test_what_the_phone_cannot_carry_is_not_folded_into_what_it_can() -> None:
    [sent] = spoken([list(tone(16_000, 1.0, hz=6000.0).reshape(-1, FRAME_SAMPLES))])
    assert np.abs(ulaw_decode(sent)[800:-800].astype(int)).max() < 80
