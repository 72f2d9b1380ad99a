"""What a probe means: news is told, the same again is not, one silence is not believed."""

import dataclasses

import pytest

from switchboard_contract.crd.last_probe import LastProbe, ProbeResult
from switchboard_contract.crd.meta import ConditionStatus
from switchboard_contract.crd.status import Reason
from switchboard_operator.probe.attempt import Found, Target
from switchboard_operator.probe.condition import Probed, probe_answered
from switchboard_operator.probe.verdict import (
    DOUBT_SECONDS,
    RETRY_SECONDS,
    Verdict,
    judge,
    unasked,
)

TARGET = Target("n", "a", "t", "n.a", "r1", "{}", "x", 600.0)
ANSWER = Found(ProbeResult.ANSWERED, "w", 300, 200)
SILENCE = Found(ProbeResult.NOT_ANSWERED)
FAULT = Found(ProbeResult.FAILED, "w", 300, 200, "stt: SpeechToTextError")


def _answered() -> LastProbe:
    last = judge(None, None, TARGET, ANSWER, "then").last
    assert last is not None
    return last


def test_the_first_answer_is_news_and_the_same_again_is_not() -> None:
    last = _answered()
    assert (last.result, last.revision, last.time) == (ProbeResult.ANSWERED, "r1", "then")
    again = dataclasses.replace(ANSWER, worker="another", join_ms=420, greeting_ms=110)
    verdict = judge(None, last, TARGET, again, "now")
    assert verdict.last is last
    assert verdict.retry_seconds == 600.0


@pytest.mark.parametrize(
    "change",
    [
        {"greeting_ms": 900},
        {"join_ms": 1200},
        {"greeting_ms": None},
        {"result": ProbeResult.FAILED, "fault": "tts: TimeoutError"},
        {"down": "own (silent)"},
    ],
)
def test_what_says_something_new_is_told(change: dict[str, object]) -> None:
    found = dataclasses.replace(ANSWER, **change)  # type: ignore[arg-type] # fields of Found
    verdict = judge(None, _answered(), TARGET, found, "now")
    assert verdict.last is not None
    assert verdict.last.time == "now"


def test_a_model_that_others_stand_in_for_is_told_and_remembered_while_none_is_asked() -> None:
    found = dataclasses.replace(ANSWER, down="own (silent)", questions=2)
    last = judge(None, _answered(), TARGET, found, "now").last
    assert last is not None
    assert (last.result, last.down) == (ProbeResult.ANSWERED, "own (silent)")
    finding = probe_answered(Probed("r1", "n.a", last))
    assert finding.status is ConditionStatus.TRUE
    assert "did not answer, and others stood in: own (silent)" in finding.message
    spared = dataclasses.replace(ANSWER, models_asked=False)
    assert judge(None, last, TARGET, spared, "later").last is last
    well = judge(None, last, TARGET, ANSWER, "later").last
    assert well is not None
    assert well.down is None


def test_another_revision_is_news() -> None:
    target = dataclasses.replace(TARGET, revision="r2")
    verdict = judge(None, _answered(), target, ANSWER, "now")
    assert verdict.last is not None
    assert (verdict.last.revision, verdict.last.time) == ("r2", "now")


def test_one_silence_is_asked_again_at_once_and_two_are_told() -> None:
    last = _answered()
    first = judge(None, last, TARGET, SILENCE, "now")
    assert (first.last, first.retry_seconds) == (last, DOUBT_SECONDS)
    second = judge(first, first.last, TARGET, SILENCE, "now")
    assert second.last is not None
    assert second.last.result is ProbeResult.NOT_ANSWERED
    recovered = judge(second, second.last, TARGET, ANSWER, "later")
    assert recovered.last is not None
    assert (recovered.last.result, recovered.troubles) == (ProbeResult.ANSWERED, 0)


def test_a_fault_between_two_silences_makes_each_of_them_the_first() -> None:
    verdict: Verdict | None = None
    for found in (FAULT, SILENCE, FAULT, SILENCE):
        verdict = judge(verdict, verdict.last if verdict else None, TARGET, found, "now")
        assert verdict.last is not None
        assert verdict.last.result is ProbeResult.FAILED


def test_trouble_is_looked_at_again_ever_more_rarely_but_never_less_than_the_interval() -> None:
    verdict: Verdict | None = None
    waits = []
    for _ in range(9):
        verdict = judge(verdict, verdict.last if verdict else None, TARGET, FAULT, "now")
        waits.append(verdict.retry_seconds)
    assert waits[:4] == [RETRY_SECONDS * factor for factor in (1, 2, 4, 8)]
    assert waits[-1] == TARGET.interval_seconds


def test_a_livekit_that_cannot_be_asked_says_nothing_of_the_agent() -> None:
    last = _answered()
    verdict = unasked(Verdict(last, 1, 3.0), last, TARGET)
    assert (verdict.last, verdict.troubles, verdict.retry_seconds) == (last, 1, RETRY_SECONDS)


def test_the_condition_tells_times_faults_and_what_to_look_at() -> None:
    seen = Probed("r1", "n.a", _answered())
    finding = probe_answered(seen)
    assert (finding.status, finding.reason) == (ConditionStatus.TRUE, Reason.ANSWERED)
    assert "after 300 ms" in finding.message
    assert "ready 200 ms" in finding.message

    failed = judge(None, None, TARGET, FAULT, "now").last
    finding = probe_answered(dataclasses.replace(seen, last=failed))
    assert (finding.status, finding.reason) == (ConditionStatus.FALSE, Reason.PROBE_FAILED)
    assert "worker w" in finding.message
    assert "stt: SpeechToTextError" in finding.message

    silent = judge(Verdict(None, 1, 0.0, 1), None, TARGET, SILENCE, "now").last
    finding = probe_answered(dataclasses.replace(seen, last=silent))
    assert (finding.status, finding.reason) == (ConditionStatus.FALSE, Reason.PROBE_NOT_ANSWERED)
    assert "switchboard.dev/pool=n.a" in finding.message


def test_what_is_known_of_another_revision_is_not_known() -> None:
    finding = probe_answered(Probed("r2", "n.a", _answered()))
    assert (finding.status, finding.reason) == (ConditionStatus.UNKNOWN, Reason.PROBE_PENDING)
    finding = probe_answered(Probed("r1", "n.a", _answered(), "see Accepted"))
    assert finding.reason == Reason.PROBE_PENDING
    assert "see Accepted" in finding.message
