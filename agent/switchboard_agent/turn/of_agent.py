"""From an agent revision to the rules by which its calls take turns."""

from switchboard_agent.clock import MS_PER_SECOND
from switchboard_agent.dialog.base import Dialog
from switchboard_agent.language.turn_words import TurnWords, dictation_of
from switchboard_agent.stt.pace import QUICK_MS
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
    config: AgentConfig,
    dialog: Dialog,
    *,
    max_call_ms: float,
    disclosed: bool = False,
    final_patience_ms: float = QUICK_MS,
) -> TurnPolicy:
    """The rules of turn-taking for one call; `dialog` knows which words are complete.

    `disclosed`: the caller has heard the disclosure, from the worker that had the call before.
    `final_patience_ms`: wait for the words of what was surely speech.
    """
    turn = config.turn
    return TurnPolicy(
        endpointer=_endpointer(config, dialog),
        barge_in=BargeInRule(turn.barge_in, TurnWords.of(config.language, turn.barge_in)),
        disclosure="" if disclosed else disclosure_of(config),
        not_transferred=config.transfer.failed if config.transfer else "",
        no_input_ms=turn.no_input_seconds * MS_PER_SECOND,
        fillers=tuple(turn.filler.phrases) if turn.filler else (),
        filler_ms=turn.filler.after_ms if turn.filler else 0,
        hold_ms=turn.hold_seconds * MS_PER_SECOND,
        max_call_ms=max_call_ms,
        slow_final_timeout_ms=final_patience_ms,
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


def disclosure_of(config: AgentConfig) -> str:
    """What every caller of an agent must be told; empty if nothing."""
    said = config.prompt or config.script
    return config.persona.fill((said.disclosure if said else None) or "")
