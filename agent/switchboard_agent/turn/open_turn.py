"""What the caller has said and keyed since the agent last answered."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class OpenTurn:
    """A turn in the making."""

    words: list[str] = field(default_factory=list)
    silence_ms: float = 0.0
    """Silence that ends a turn with these words."""
    first_sample: int | None = None
    """Where it began in the caller's audio."""
    finished: float | None = None
    """How likely the caller is done, by ear; None while not judged."""
    speech_ended_ms: float | None = None
    """Last voiced sample."""
    voiced_ms: float = 0.0
    """Speech in it, pauses left out."""
    digits: str = ""
    keyed_ms: float = 0.0
    """Last key."""
    keyed_done: bool = False
    """The digits are complete: ended by # or by a pause."""
    delayed: bool = False
    """It was over while the agent was still speaking: its answer was late on purpose."""
    interrupted_agent: bool = False
    unheard: bool = False
    """The recogniser failed on it or gave no words in time: there may have been some."""
    filled: bool = False
    """A filler was said: the next thing heard is the answer."""
    forced: bool = False
    """Cut by its length; the caller may still be speaking."""

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(self.words)

    @property
    def begun(self) -> bool:
        """Whether anything has happened that must be answered or dropped."""
        return self.speech_ended_ms is not None or bool(self.digits)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it to understand."""
        return not self.words and not self.digits

    @property
    def last_input_ms(self) -> float:
        """When the caller last did something."""
        if self.digits:
            return max(self.keyed_ms, self.speech_ended_ms or 0.0)
        return self.speech_ended_ms or 0.0

    @property
    def end_ms(self) -> float:
        """When it is over if nothing more comes; infinite while more keys are awaited."""
        if self.digits and not (self.keyed_done or self.forced):
            return float("inf")
        if self.keyed_done or self.forced:
            return self.last_input_ms
        return self.last_input_ms + self.silence_ms
