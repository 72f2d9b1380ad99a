"""What the benchmarks on rooms and by phone compute, without a server."""

import numpy as np
import pytest

from switchboard_loadtest.caller_script import parse
from tests.bench.bench_phone import HELLOS, TALKER, full, spread
from tests.bench.bench_room import joined, joins, line, mcore, saturated
from tests.bench.engine.standins import CONFIG
from tests.bench.engine.usage import Usage
from tests.bench.room.echo import QUIET_MS
from tests.bench.room.recogniser import ListeningRecogniser
from tests.bench.room.voice import is_audible, speak

ROW = {
    "transport": "livekit",
    "sdk": "ours",
    "calls": 10,
    "worker_mcore_per_call": 30.0,
    "rss_mb_per_call": 2.5,
    "loop_lag_ms_p99": 4.0,
    "gaps_per_call_s": 0.1,
}


def test_processor_time_is_told_per_call_and_joins_apart() -> None:
    first, last = Usage(10.0, 100.0), Usage(16.0, 120.0)
    assert mcore(first, last, 20.0, 10) == 30.0
    assert joins(Usage(0.0, 0.0), Usage(3.0, 0.0), 0.3, 10) == pytest.approx(0.12)
    assert joins(Usage(0.0, 0.0), Usage(1.0, 0.0), 0.3, 0) == 0.0


def test_a_row_that_is_measured_again_replaces_the_old_one() -> None:
    twilio = ROW | {"transport": "twilio"}
    again = ROW | {"worker_mcore_per_call": 28.0}
    assert joined([ROW, twilio], [again]) == [again, twilio]


def test_lateness_and_broken_sound_are_saturation() -> None:
    assert not saturated(ROW)
    assert saturated(ROW | {"loop_lag_ms_p99": 150.0})
    assert saturated(ROW | {"gaps_per_call_s": 4.0})
    assert "30.0 mcore" in line(ROW)


def test_a_phone_run_is_full_when_calls_fail_or_sound_breaks() -> None:
    good = {"answered": 5, "placed": 5, "gaps_per_call_s": 0.2}
    assert not full(good)
    assert full(good | {"answered": 4})
    assert full(good | {"gaps_per_call_s": 1.5})
    assert spread([]) == {"p50": None, "p95": None}
    assert spread([100.0, 200.0, 300.0]) == {"p50": 200.0, "p95": 290.0}


def test_the_voice_never_fades_below_what_is_audible() -> None:
    voice = speak("a sentence of the agent")
    frames = voice[: len(voice) // 320 * 320].reshape(-1, 320)
    assert all(map(is_audible, frames))
    assert not is_audible(np.zeros(320, np.int16))


def test_callers_leave_room_for_replies_and_a_hello_for_its_hum() -> None:
    assert [one.barge_in for one in TALKER.says] == [False, False, True, False]
    starts = [one.at_ms for one in HELLOS.says]
    assert starts[0] == 0
    assert min(np.diff(starts)) > QUIET_MS + 1000
    assert parse(f"hang_up_ms = {HELLOS.hang_up_ms}", "same").hang_up_ms == HELLOS.hang_up_ms


async def test_the_recogniser_hears_an_end_after_100_ms_and_not_before() -> None:
    heard: list[str] = []

    ear = ListeningRecogniser().open(CONFIG, lambda words: heard.append(words.text))
    ear.start_utterance()
    ear.feed(np.full(320, 3000, np.int16))
    for _ in range(4):
        ear.feed(np.zeros(320, np.int16))
    assert heard == []
    ear.feed(np.zeros(320, np.int16))
    assert len(heard) == 1
    assert (await ear.end_utterance()).text == heard[0]
