"""A recogniser that falls behind is seen before its callers give up, and forgiven afterwards."""

import asyncio
import os
import signal
from types import SimpleNamespace

import numpy as np

from switchboard_agent.loop_lag import LoopLag
from switchboard_agent.strain import strain
from switchboard_agent.stt.lateness import Lateness
from switchboard_agent.stt.pocketsphinx import PocketsphinxStt
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.base import FRAME_SAMPLES
from tests.agent.dialog.sample import sample_config

_SILENCE = np.zeros(FRAME_SAMPLES, np.int16)


def _answered(waits: dict[int, tuple[float, float]]) -> Lateness:
    lateness = Lateness()
    for number, (asked, over) in waits.items():
        lateness.asked(number, asked)
        lateness.over(number, over)
    return lateness


def test_it_is_the_median_of_three_waits_or_more() -> None:
    waits = {1: (0.0, 0.1), 2: (1.0, 1.2)}
    assert _answered(waits).seconds(2.0) == 0.0
    assert round(_answered(waits | {3: (1.0, 4.0)}).seconds(5.0), 3) == 0.2


def test_words_that_do_not_come_count_while_they_are_waited_for() -> None:
    lateness = Lateness()
    for number in range(3):
        lateness.asked(number, 0.0)
    assert lateness.seconds(4.0) == 4.0


def test_a_wait_that_has_only_begun_does_not_make_it_look_quick() -> None:
    lateness = _answered(dict.fromkeys(range(3), (0.0, 3.0)))
    for number in range(10, 20):
        lateness.asked(number, 3.9)
    assert lateness.seconds(4.0) == 3.0


def test_it_is_forgiven_after_ten_seconds_and_what_nobody_asked_for_counts_nothing() -> None:
    lateness = _answered(dict.fromkeys(range(3), (0.0, 3.0)))
    lateness.over(77, 5.0)
    assert lateness.seconds(5.0) == 3.0
    assert lateness.seconds(14.0) == 0.0


def test_the_later_of_loop_and_recogniser_is_the_strain() -> None:
    lag = LoopLag(Telemetry().loop_lag)
    stt = SimpleNamespace(late_seconds=0.75)
    strained = strain(lag, 0.1, stt)
    assert strained() == 0.5
    for _ in range(100):
        lag.add(0.2)
    assert strained() == 2.0
    stt.late_seconds = 4.5
    assert strained() == 3.0


async def test_a_process_that_gets_no_processor_is_late_and_then_no_more() -> None:
    recogniser = PocketsphinxStt(processes=1)
    config = sample_config()
    await recogniser.prepare(config)
    streams = [recogniser.open(config, lambda _: None) for _ in range(3)]
    for stream in streams:
        stream.start_utterance()
        stream.feed(_SILENCE)
    os.kill(recogniser.pids[0], signal.SIGSTOP)
    words = [asyncio.ensure_future(stream.end_utterance()) for stream in streams]
    await asyncio.sleep(0.5)
    assert recogniser.late_seconds >= 0.4
    os.kill(recogniser.pids[0], signal.SIGCONT)
    await asyncio.gather(*words)
    for _ in range(4):
        streams[0].start_utterance()
        streams[0].feed(_SILENCE)
        await streams[0].end_utterance()
    assert recogniser.late_seconds < 0.4
    await recogniser.aclose()
