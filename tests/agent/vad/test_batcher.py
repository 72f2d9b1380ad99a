import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from typing_extensions import override

from switchboard_agent.recordings import load_conversation
from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm
from switchboard_agent.vad.base import CONTEXT_SAMPLES, WINDOW_SAMPLES, Floats, VadModel
from switchboard_agent.vad.batcher import VadBatcher
from switchboard_agent.vad.silero import SileroVad
from switchboard_agent.vad.thread import ModelThread, T
from tests.support.speech_fakes import LoudnessVad, hush, tone
from tests.support.virtual_time import run_virtual


class CountingVad:
    """Adds up what it sees, per call: the state of a row must follow its call."""

    state_size = 1

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, windows: Floats, state: Floats) -> tuple[Floats, Floats]:
        self.batches.append(len(windows))
        total = state + windows[:, CONTEXT_SAMPLES:].sum(axis=1, keepdims=True)
        return total[:, 0], total


def frames_of(pcm: Pcm) -> list[Pcm]:
    return list(pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES))


async def probabilities(model: VadModel, pcm: Pcm) -> list[float]:
    found: list[float] = []
    batcher = VadBatcher(model, None)
    channel = batcher.open(found.append)
    for frame in frames_of(pcm):
        channel.push(frame)
        await batcher.tick()
    return found


def test_every_window_of_a_call_is_judged_once_and_in_order() -> None:
    pcm = np.concatenate((hush(320), tone(320), hush(320)))
    found = run_virtual(probabilities(LoudnessVad(), pcm))
    assert found == [0.0] * 10 + [1.0] * 10 + [0.0] * 10


def test_batching_gives_what_the_model_gives_on_the_whole_recording() -> None:
    pcm = load_conversation().turns[0].pcm
    found = run_virtual(probabilities(SileroVad(), pcm))
    model, state = SileroVad(), np.zeros((1, 256), np.float32)
    context: Floats = np.zeros(CONTEXT_SAMPLES, np.float32)
    padded: Floats = np.concatenate((context, pcm.astype(np.float32) / 32768))
    for step, value in enumerate(found):
        window = padded[step * WINDOW_SAMPLES :][None, : CONTEXT_SAMPLES + WINDOW_SAMPLES]
        expected, state = model.run(window, state)
        assert value == pytest.approx(float(expected[0]), abs=1e-5)
    assert len(found) == len(frames_of(pcm)) * FRAME_SAMPLES // WINDOW_SAMPLES


async def test_calls_that_come_and_go_keep_their_own_state() -> None:
    model = CountingVad()
    batcher = VadBatcher(model, None)
    found: dict[int, list[float]] = {number: [] for number in range(40)}
    channels = {number: batcher.open(found[number].append) for number in range(40)}
    unit = np.full(WINDOW_SAMPLES, 64, np.int16)
    for step in range(1, 4):
        for number, channel in channels.items():
            channel.push(unit * (number % 3))
        await batcher.tick()
        for number in range(40):
            assert found[number][-1] == pytest.approx(step * (number % 3))
    channels[5].close()
    fresh: list[float] = []
    batcher.open(fresh.append).push(unit)
    channels[5].push(unit)
    await batcher.tick()
    assert fresh == [pytest.approx(1.0)]
    assert len(found[5]) == 3
    assert model.batches == [40, 40, 40, 1]


async def test_a_call_that_closes_during_a_pass_hears_no_more_and_harms_nobody() -> None:
    batcher = VadBatcher(CountingVad(), None)
    first: list[float] = []
    second: list[float] = []

    def hear_and_close(value: float) -> None:
        first.append(value)
        other.close()

    channel = batcher.open(hear_and_close)
    other = batcher.open(second.append)
    for each in (channel, other):
        each.push(tone(32))
    await batcher.tick()
    assert len(first) == 1
    assert second == []
    other.close()


async def test_audio_that_arrives_all_at_once_is_judged_in_full() -> None:
    found: list[float] = []
    batcher = VadBatcher(LoudnessVad(), None)
    channel = batcher.open(found.append)
    for frame in frames_of(np.concatenate((hush(1600), tone(1600), hush(1600)))):
        channel.push(frame)
    await batcher.tick()
    assert found == [0.0] * 50 + [1.0] * 50 + [0.0] * 50
    assert batcher.samples_dropped == 0


async def test_whatever_has_piled_up_takes_one_trip_to_the_thread() -> None:
    trips = 0

    class CountingThread(ModelThread):
        @override
        async def run(self, job: Callable[[], T]) -> T:
            nonlocal trips
            trips += 1
            return await super().run(job)

    found: list[list[float]] = [[], []]
    with CountingThread("vad") as thread:
        batcher = VadBatcher(LoudnessVad(), thread)
        late, punctual = (batcher.open(each.append) for each in found)
        for frame in frames_of(np.concatenate((tone(1600), hush(1600)))):
            late.push(frame)
        punctual.push(tone(32))
        await batcher.tick()
    assert trips == 1
    assert found == [[1.0] * 50 + [0.0] * 50, [1.0]]


async def test_audio_that_is_never_judged_is_bounded_and_counted() -> None:
    batcher = VadBatcher(LoudnessVad(), None)
    channel = batcher.open(lambda _: None)
    for _ in range(600):
        channel.push(tone(20))
    assert batcher.samples_dropped == (600 - 500 - 12) * 320


async def test_runs_in_its_thread_and_only_while_there_are_calls() -> None:
    found: list[float] = []
    done = asyncio.Event()

    def hear(value: float) -> None:
        found.append(value)
        done.set()

    with ModelThread("vad") as thread:
        batcher = VadBatcher(LoudnessVad(), thread)
        running = asyncio.ensure_future(batcher.run())
        channel = batcher.open(hear)
        channel.push(tone(40))
        await asyncio.wait_for(done.wait(), 5)
        channel.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert found == [1.0]
