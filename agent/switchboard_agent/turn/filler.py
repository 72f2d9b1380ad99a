"""Something short, such as "let me check", while the answer is not there yet.

Callers bear a second of silence; after two they ask whether anybody is there. The filler is made
ready a little before it is due, and withdrawn if the answer is ready first. It is said once per
turn, is followed by the answer, and worth nothing: the first sound of the caller ends it.
"""

from switchboard_agent.turn.agent_voice import AgentVoice
from switchboard_agent.turn.commands import ReplyKind
from switchboard_agent.turn.open_turn import OpenTurn
from switchboard_agent.turn.policy import TurnPolicy

_LEAD_MS = 300
"""What synthesising a few words may take."""
_NEVER = float("inf")


class FillerRule:
    """Says when, for one call."""

    __slots__ = ("_policy", "_said")

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._said = 0

    def step(self, agent: AgentVoice, turn: OpenTurn, turns: int, now_ms: float) -> None:
        """The turn is over and its answer is in the making: prepare or say what is due."""
        phrases = self._policy.fillers
        if not self._wanted(agent, turn) or now_ms < self._prepare_ms(turn):
            return
        filler = agent.filler
        if filler is None:
            agent.prepare_filler(phrases[self._said % len(phrases)], now_ms)
        elif filler.ready and now_ms >= self._due_ms(turn):
            turn.filled = True
            self._said += 1
            agent.say(filler, turns, None)

    def next_ms(self, agent: AgentVoice, turn: OpenTurn) -> float:
        """When `step` has something to do; infinite if never."""
        if not self._wanted(agent, turn):
            return _NEVER
        if agent.filler is None:
            return self._prepare_ms(turn)
        return self._due_ms(turn) if agent.filler.ready else _NEVER

    def _wanted(self, agent: AgentVoice, turn: OpenTurn) -> bool:
        slow = agent.preparing(ReplyKind.TURN) and agent.ready_to_say() is None
        return bool(self._policy.fillers) and slow and not turn.filled

    def _due_ms(self, turn: OpenTurn) -> float:
        return turn.end_ms + self._policy.filler_ms

    def _prepare_ms(self, turn: OpenTurn) -> float:
        return max(turn.end_ms, self._due_ms(turn) - _LEAD_MS)
