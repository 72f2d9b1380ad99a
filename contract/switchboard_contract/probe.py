"""What a worker says of itself when it is tried out without a phone.

The operator makes a room and dispatches the agent into it with `DispatchMetadata.probe` set. The
worker that takes it joins, tries what a call would need, and answers in its participant attributes;
nobody speaks, and nothing of it is a call: no slot, no quota, no call event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

_PREFIX = "switchboard.probe."
STATE = f"{_PREFIX}state"
REVISION = f"{_PREFIX}revision"
WORKER = f"{_PREFIX}worker"
GREETING_MS = f"{_PREFIX}greeting_ms"
FAULT = f"{_PREFIX}fault"
DOWN = f"{_PREFIX}down"
QUESTIONS = f"{_PREFIX}questions"
MODELS_ASKED = f"{_PREFIX}models_asked"

_LONGEST = 200
"""Characters taken over from an attribute: it ends in a condition's message."""


class ProbeState(StrEnum):
    """How a probe ended, as the worker sees it."""

    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """One worker's answer."""

    state: ProbeState
    revision: str
    worker: str
    greeting_ms: int | None = None
    """From the assignment of the job to the first audio of the greeting; None if there was none."""
    fault: str = ""
    """Which check failed and the type of its error, such as `stt: SpeechToTextError`."""
    down: str = ""
    """Providers that did not answer though others stood in for them, such as `own (silent)`."""
    questions: int = 0
    """Questions that the probe put to language models."""
    models_asked: bool = True
    """Whether it asked them at all; False where the budget of questions is used up."""

    def attributes(self) -> dict[str, str]:
        """The report as participant attributes."""
        found = {STATE: self.state, REVISION: self.revision, WORKER: self.worker, FAULT: self.fault}
        found |= {DOWN: self.down, QUESTIONS: str(self.questions or "")}
        found[MODELS_ASKED] = "" if self.models_asked else "no"
        if self.greeting_ms is not None:
            found[GREETING_MS] = str(self.greeting_ms)
        return {key: str(value) for key, value in found.items() if value}

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, str]) -> Self | None:
        """Read a report; None while there is none."""
        try:
            state = ProbeState(attributes.get(STATE, ""))
        except ValueError:
            return None
        greeting = attributes.get(GREETING_MS, "")
        return cls(
            state,
            revision=_plain(attributes.get(REVISION, "")),
            worker=_plain(attributes.get(WORKER, "")),
            greeting_ms=int(greeting) if greeting.isdecimal() else None,
            fault=_plain(attributes.get(FAULT, "")),
            down=_plain(attributes.get(DOWN, "")),
            questions=_number(attributes.get(QUESTIONS, "")),
            models_asked=attributes.get(MODELS_ASKED) != "no",
        )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _plain(text: str) -> str:
    return "".join(c for c in text[:_LONGEST] if c.isprintable())
