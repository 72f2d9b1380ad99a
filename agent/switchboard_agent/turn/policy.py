"""The numbers turn-taking goes by: those of the VoiceAgent, and those that are ours."""

from dataclasses import dataclass

from switchboard_agent.stt.pace import QUICK_MS
from switchboard_agent.turn.barge_in import BargeInRule
from switchboard_agent.turn.endpointing import Endpointer
from switchboard_agent.turn.open_turn import OpenTurn

SPECULATION_LEAD_MS = 400
"""About what dialog and synthesiser take: earlier only wastes more replies."""


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """Everything the turn machine decides by."""

    endpointer: Endpointer
    barge_in: BargeInRule
    no_input_ms: float
    """Silence of the caller before the agent asks again."""
    max_call_ms: float
    """Longest call."""
    hold_ms: float = 30_000
    """The same silence, after the caller asked to wait."""
    disclosure: str = ""
    """What every caller must be told after the greeting, uninterrupted; empty if nothing."""
    not_transferred: str = ""
    """What a caller is told whom no human took over."""
    fillers: tuple[str, ...] = ()
    """What is said when an answer is slow; nothing if empty."""
    filler_ms: float = 1000
    """From the end of the turn to the filler."""
    early_answer_ms: float = 700
    """Assent over the last words of a reply, this long before its end, was the answer to it."""
    detector_silence_ms: float = 225
    """Silence that the detector needs to see before it says that speech has ended: so much of what
    it calls speech right now may be none."""
    final_timeout_ms: float = 700
    """Wait for the words of a short sound. With the detector's 200 ms of silence before it, a turn
    without words is resolved within a second."""
    slow_final_timeout_ms: float = QUICK_MS
    """Wait for the words of what was surely speech; longer where the recogniser has been slow."""
    speculation_lead_ms: float = SPECULATION_LEAD_MS
    """How long before the likely end of the turn its reply is started; 0 does not speculate."""
    inter_digit_ms: float = 2000
    """Pause between keys that ends keyed digits; telephony's usual 2 s."""
    owed_answer_voiced_ms: float = 700
    """Speech without words, this long, gets an answer; shorter is taken for noise."""
    owed_unheard_voiced_ms: float = 200
    """The same where the recogniser failed or gave nothing in time: it may have been a "yes"."""
    max_turn_ms: float = 30_000
    """Speech without a pause, this long, is a turn: someone may be talking to someone else, or a
    television is on, and the agent must not stay mute."""
    reply_timeout_ms: float = 8000
    """A reply that is not ready by then has failed."""
    max_reply_attempts: int = 2
    """Failures of one reply before the call is given up."""
    no_media_ms: float = 10_000
    """No audio frame at all for this long means that nobody is connected."""
    linger_ms: float = 300
    """From the last sample played to hanging up: what the network still holds is heard."""

    def owes_answer(self, turn: OpenTurn) -> bool:
        """Whether a turn without words gets an answer."""
        least = self.owed_unheard_voiced_ms if turn.unheard else self.owed_answer_voiced_ms
        return turn.interrupted_agent or turn.voiced_ms >= least

    def patience_ms(self, voiced_ms: float, *, agent_paused: bool) -> float:
        """How long the words may take: what was surely speech is worth a longer wait.

        An agent that still pauses is not sure: its caller waits to hear the rest.
        """
        surely = voiced_ms >= self.owed_answer_voiced_ms and not agent_paused
        return self.slow_final_timeout_ms if surely else self.final_timeout_ms
