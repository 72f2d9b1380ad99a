"""A policy for tests of the turn machine, with round numbers."""

from switchboard_agent.language.turn_words import TurnWords
from switchboard_agent.turn.barge_in import BargeInRule
from switchboard_agent.turn.endpointing import CompletenessEndpointer
from switchboard_agent.turn.policy import TurnPolicy
from switchboard_contract.crd.turn import BargeIn, Endpointing


def barge_in_rule(settings: BargeIn) -> BargeInRule:
    """The rule in English."""
    return BargeInRule(settings, TurnWords.of("en-US", settings))


def policy(*, barge_in: bool = True) -> TurnPolicy:
    """Turns end after 300 ms of silence, after 1,200 ms where the words end with "and"."""
    return TurnPolicy(
        endpointer=CompletenessEndpointer(
            Endpointing(min_silence_ms=300, max_silence_ms=1200),
            lambda text: not text.endswith("and"),
        ),
        barge_in=barge_in_rule(BargeIn(enabled=barge_in, min_speech_ms=250)),
        no_input_ms=8000,
        max_call_ms=600_000,
    )
