"""From an agent revision to the rules by which its calls take turns."""

from switchboard_agent.clock import MS_PER_SECOND
from switchboard_agent.dialog.base import Dialog
from switchboard_agent.language.turn_words import TurnWords, dictation_of
from switchboard_agent.turn.barge_in import BargeInRule
from switchboard_agent.turn.endpointing import (
    AudioEndpointer,
    CompletenessEndpointer,
    Endpointer,
    SilenceEndpointer,
)
from switchboard_agent.turn.policy import SPECULATION_LEAD_MS, TurnPolicy
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.turn import EndDetector


def turn_policy(
    config: AgentConfig, dialog: Dialog, *, max_call_ms: float, disclosed: bool = False
) -> TurnPolicy:
    """The rules of turn-taking for one call; `dialog` knows which words are complete.

    `disclosed`: the caller has heard the disclosure, from the worker that had the call before.
    """
    turn = config.turn
    return TurnPolicy(
        endpointer=_endpointer(config, dialog),
        barge_in=BargeInRule(turn.barge_in, TurnWords.of(config.language, turn.barge_in)),
        disclosure="" if disclosed else config.persona.fill(_disclosure(config)),
        not_transferred=config.transfer.failed if config.transfer else "",
        no_input_ms=turn.no_input_seconds * MS_PER_SECOND,
        fillers=tuple(turn.filler.phrases) if turn.filler else (),
        filler_ms=turn.filler.after_ms if turn.filler else 0,
        hold_ms=turn.hold_seconds * MS_PER_SECOND,
        max_call_ms=max_call_ms,
        speculation_lead_ms=SPECULATION_LEAD_MS if turn.speculation else 0,
    )


def _endpointer(config: AgentConfig, dialog: Dialog) -> Endpointer:
    settings = config.turn.endpointing
    dictation = dictation_of(config.language)
    by_words = CompletenessEndpointer(settings, dialog.is_complete, dictation.ends_dictated)
    if settings.detector is EndDetector.SILENCE:
        return SilenceEndpointer(settings.min_silence_ms)
    return (
        by_words if settings.model is None else AudioEndpointer(by_words, settings.model.threshold)
    )


def _disclosure(config: AgentConfig) -> str:
    said = config.prompt or config.script
    return (said.disclosure if said else None) or ""
