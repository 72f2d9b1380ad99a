"""What the caller says while the agent speaks: judged, and kept for a moment where it was assent.

"Is that right?" is often answered a little too early. The "yes" over the last words of a question
lets the agent finish, like any "yes" over its voice; but if the agent falls silent right after, it
was the answer, and the caller will not say it again.
"""

from switchboard_agent.turn.barge_in import BargeInRule, Verdict
from switchboard_agent.turn.open_turn import OpenTurn
from switchboard_agent.turn.policy import TurnPolicy
from switchboard_agent.turn.utterances import Utterances


class Overlap:
    """Judges the sounds of one caller over the agent's voice."""

    __slots__ = ("_aside", "_aside_ms", "_policy")

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._aside: OpenTurn | None = None
        self._aside_ms = 0.0

    @property
    def _rule(self) -> BargeInRule:
        return self._policy.barge_in

    def judge(
        self, turn: OpenTurn, utterances: Utterances, speaking_for_ms: float | None
    ) -> Verdict:
        """What the sound is; `speaking_for_ms` is None if it has ended."""
        voiced = turn.voiced_ms
        if speaking_for_ms is not None:
            voiced += max(0.0, speaking_for_ms - self._policy.detector_silence_ms)
        over = speaking_for_ms is None and utterances.settled
        return self._rule.judge(voiced, _text(turn, utterances), over=over)

    def sure_ms(self, turn: OpenTurn, utterances: Utterances) -> float:
        """How long the running sound must last to be an interruption by its length."""
        needed = self._rule.sure_ms(_text(turn, utterances)) - turn.voiced_ms
        return needed + self._policy.detector_silence_ms

    def assents(self, turn: OpenTurn) -> bool:
        """Whether nothing but assent was said, and no key pressed."""
        return not turn.digits and self._rule.assents(turn.text)

    def set_aside(self, turn: OpenTurn, now_ms: float) -> None:
        """Assent that is not answered, for now."""
        self._aside, self._aside_ms = turn, now_ms

    def recall(self, now_ms: float) -> OpenTurn | None:
        """The agent falls silent: assent of a moment ago was the answer."""
        aside, self._aside = self._aside, None
        early = now_ms - self._aside_ms <= self._policy.early_answer_ms
        return aside if early else None


def _text(turn: OpenTurn, utterances: Utterances) -> str:
    return f"{turn.text} {utterances.partial}".strip()
