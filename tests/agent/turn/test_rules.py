"""The small rules: when a pause ends a turn, when a sound is an interruption."""

import pytest

from switchboard_agent.turn.barge_in import Verdict
from switchboard_agent.turn.endpointing import (
    AudioEndpointer,
    CompletenessEndpointer,
    SilenceEndpointer,
)
from switchboard_contract.crd.turn import BargeIn, Endpointing
from tests.agent.turn.rules import barge_in_rule

ENDPOINTER = CompletenessEndpointer(
    Endpointing(min_silence_ms=250, max_silence_ms=1500), lambda text: text == "done"
)


def test_complete_words_need_the_short_silence_and_others_the_long_one() -> None:
    assert ENDPOINTER.silence_ms("done") == 250
    assert ENDPOINTER.silence_ms("done and") == 1500


def test_no_words_are_not_waited_for() -> None:
    assert ENDPOINTER.silence_ms("") == 250


def test_the_plain_detector_knows_no_words() -> None:
    assert SilenceEndpointer(800).silence_ms("and") == SilenceEndpointer(800).silence_ms("") == 800


@pytest.mark.parametrize(
    ("voiced_ms", "text", "over", "verdict"),
    [
        (100, "", False, Verdict.OPEN),
        (100, "no", False, Verdict.OPEN),
        (100, "no maybe", False, Verdict.INTERRUPTION),
        (250, "tuesday", False, Verdict.INTERRUPTION),
        (250, "", False, Verdict.OPEN),
        (699, "", True, Verdict.NOISE),
        (700, "", False, Verdict.INTERRUPTION),
        (249, "no", True, Verdict.NOISE),
        (100, "stop", False, Verdict.INTERRUPTION),
        (100, "please hold on", False, Verdict.INTERRUPTION),
        (600, "Uh-huh.", False, Verdict.OPEN),
        (600, "Uh-huh.", True, Verdict.BACKCHANNEL),
        (1400, "yeah okay right", True, Verdict.BACKCHANNEL),
        (1500, "yeah okay right", False, Verdict.INTERRUPTION),
        (600, "yeah but when", True, Verdict.INTERRUPTION),
        (400, "i", False, Verdict.OPEN),
        (400, "i", True, Verdict.INTERRUPTION),
        (600, "i see mhm", True, Verdict.BACKCHANNEL),
    ],
)
def test_words_tell_an_interruption_from_assent_and_length_tells_it_where_there_are_none(
    voiced_ms: float, text: str, over: bool, verdict: Verdict
) -> None:
    rule = barge_in_rule(BargeIn(min_speech_ms=250))
    assert rule.judge(voiced_ms, text, over=over) is verdict


def test_an_agent_has_its_own_words() -> None:
    rule = barge_in_rule(
        BargeIn(interruption_words=["okay"], backchannel_words=["sure thing"], min_words=3)
    )
    assert rule.judge(100, "okay", over=False) is Verdict.INTERRUPTION
    assert rule.judge(300, "sure thing", over=True) is Verdict.BACKCHANNEL
    assert rule.judge(100, "stop it", over=False) is Verdict.OPEN
    assert rule.judge(100, "stop it now", over=False) is Verdict.INTERRUPTION


def test_empty_lists_know_no_words() -> None:
    rule = barge_in_rule(BargeIn(interruption_words=[], backchannel_words=[]))
    assert rule.judge(100, "stop", over=False) is Verdict.OPEN
    assert rule.judge(300, "yeah", over=True) is Verdict.INTERRUPTION


DICTATING = CompletenessEndpointer(
    Endpointing(min_silence_ms=250, max_silence_ms=1000, dictation_silence_ms=2000),
    lambda text: text == "done",
    lambda text: text.endswith("five"),
)


def test_what_is_dictated_is_given_the_longest_silence() -> None:
    assert DICTATING.silence_ms("five five") == 2000
    assert DICTATING.silence_ms("it is") == 1000


def test_the_ear_overrules_the_words_but_not_inside_what_is_dictated() -> None:
    heard = AudioEndpointer(DICTATING, threshold=0.6)
    assert heard.silence_ms("it is", None) == 1000
    assert heard.silence_ms("it is", 0.6) == 250
    assert heard.silence_ms("done", 0.5) == 1000
    assert heard.silence_ms("five five", 0.9) == 2000
