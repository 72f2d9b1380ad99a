"""What the engine benchmark computes, without running an engine."""

import numpy as np
import pytest

from tests.bench.bench_engine import ENGINES, Plan
from tests.bench.engine.caller import Caller, Notes
from tests.bench.engine.figures import Window, pooled, row, saturated, table, wasted, with_ratios
from tests.bench.engine.script import FRAME_SAMPLES, Pcm, Sentence, cut, tokens
from tests.bench.engine.usage import Usage

WINDOW = Window(10.0, 20.0, Usage(1.0, 60.0), Usage(5.0, 61.0), Usage(8.0, 65.0))


def tone(ms: int) -> Pcm:
    return np.full(ms * 16, 3000, np.int16)


def hush(ms: int) -> Pcm:
    return np.zeros(ms * 16, np.int16)


def notes() -> Notes:
    made = Notes(asked=[9.0, 11.0, 12.0, 13.0, 14.0], holes=[9.9, 15.0], cut_offs=[21.0])
    made.latencies = [(9.5, 5000.0), (12.0, 330.0), (13.0, 340.0), (14.0, 350.0)]
    made.lags = [(11.0, 1.0), (12.0, 3.0), (25.0, 900.0)]
    return made


def test_only_what_falls_into_the_window_counts() -> None:
    one = row("switchboard", 10, notes(), WINDOW)
    assert one["cpu_pct_per_call"] == 3.0
    assert one["rss_mb_per_call"] == 0.5
    assert one["turn_latency_ms"] == {"p50": 340.0, "p95": 349.0, "p99": 349.8}
    assert (one["underruns"], one["false_cutoffs"], one["turns"]) == (1, 0, 3)
    assert one["speculation_wasted"] == 0.25
    assert one["loop_lag_ms_p99"] == pytest.approx(3.0, abs=0.1)


def test_no_turn_gives_no_latency_and_no_waste() -> None:
    one = row("pipecat", 1, Notes(), WINDOW)
    assert one["turn_latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert one["speculation_wasted"] is None
    assert wasted(3, 4) == 0.0


def test_runs_of_a_kind_give_medians_and_sums_and_the_ratio_to_ours() -> None:
    ours = row("switchboard", 10, notes(), WINDOW)
    slow = ours | {"engine": "pipecat", "cpu_pct_per_call": 30.0}
    slower = slow | {"cpu_pct_per_call": 36.0}
    both = pooled([slow, slower])
    assert (both["cpu_pct_per_call"], both["underruns"], both["runs"]) == (33.0, 2, 2)
    rows = with_ratios([both, ours, slow | {"calls": 25}])
    assert [(one["engine"], one["cpu_ratio"]) for one in rows] == [
        ("switchboard", 1.0),
        ("pipecat", 11.0),
        ("pipecat", None),
    ]
    assert saturated(both)
    assert not saturated(ours)
    assert "pipecat" in table(rows)


def test_words_are_known_100_ms_after_each_stretch_of_speech() -> None:
    said = cut(np.concatenate((tone(400), hush(140), tone(400))), "one two three four")
    assert len(said.frames) == 47
    assert list(said.finals) == [19 + 5, 46 + 5]
    assert " ".join(said.finals.values()) == "one two three four"


def test_a_pause_shorter_than_the_recogniser_waits_ends_nothing() -> None:
    said = cut(np.concatenate((tone(400), hush(60), tone(400))), "one two")
    assert list(said.finals.values()) == ["one two"]


def test_the_model_says_forty_words() -> None:
    assert len(tokens()) == 40


class Phone:
    """A caller on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.notes = Notes()
        self.words: list[tuple[float, str]] = []
        sentence = Sentence(tuple([tone(20)] * 50), {49 + 5: "hello"})
        self.caller = Caller([sentence], self.notes, lambda: self.now)
        self.sent: list[Pcm] = []
        self.caller.send = self.sent.append
        self.caller.on_words = lambda text: self.words.append((self.now, text))

    def wait(self, ms: int) -> None:
        for _ in range(ms // 20):
            self.now += 0.02
            self.caller.next_frame()

    def agent_speaks(self, ms: int) -> None:
        for _ in range(ms // 20):
            self.caller.hear(FRAME_SAMPLES)
            self.wait(20)

    def until_spoken(self) -> float:
        """Wait until the caller has said its sentence; when that was."""
        spoken = False
        for _ in range(500):
            self.wait(20)
            loud = bool(self.sent[-1].any())
            if spoken and not loud:
                return self.now - 0.02
            spoken = spoken or loud
        raise AssertionError("the caller said nothing")


def test_caller_waits_for_the_agent_and_measures_its_answer_from_the_last_sample() -> None:
    phone = Phone()
    phone.wait(2000)
    assert not any(frame.any() for frame in phone.sent)
    phone.agent_speaks(200)
    ended = phone.until_spoken()
    phone.wait(300)
    phone.agent_speaks(100)
    ((at, latency),) = phone.notes.latencies
    assert latency == pytest.approx((at - ended) * 1000)
    assert latency == pytest.approx(320, abs=1)
    assert [round((when - ended) * 1000) for when, _ in phone.words] == [100]


def test_a_late_frame_is_a_hole_and_a_reply_into_speech_is_a_cut_off() -> None:
    phone = Phone()
    phone.agent_speaks(200)
    phone.wait(100)
    phone.agent_speaks(200)
    assert len(phone.notes.holes) == 1
    phone.wait(900)
    assert phone.sent[-1].any()
    phone.agent_speaks(100)
    assert len(phone.notes.cut_offs) == 1


def test_runs_are_interleaved_and_the_ratio_is_measured_twice() -> None:
    order = [(engine.name, calls) for engine, calls in Plan(ENGINES, quick=False).runs()]
    assert [calls for _, calls in order] == sorted(calls for _, calls in order)
    at_forty = [name for name, calls in order if calls == 40]
    assert at_forty == ["switchboard", "livekit-agents-in-process"] * 2
    assert {calls for _, calls in Plan(ENGINES, quick=True).runs()} == {1, 10}
