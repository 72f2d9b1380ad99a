"""What is worth an Event: pure decisions about conditions before and after.

- `Ready` turns True: Normal. It turns anything else: a Warning, unless somebody asked for it.
- Another condition begins to tell of trouble (see `switchboard_contract.crd.reasons`): a Warning,
  also where it is True all the same.
- `ScalingReady`, which `Ready` does not wait for, is lost: a Warning.
- A state that passes by itself is no Event: a thousand new VoiceAgents that wait for their workers
  would be a thousand lines that nobody reads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from typing_extensions import override

from switchboard_contract.crd.reasons import REASONS, Sort
from switchboard_contract.crd.status import ConditionType
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object


class Severity(StrEnum):
    """Type of an Event, as Kubernetes spells it."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Note:
    """What an Event says."""

    severity: Severity
    reason: str
    message: str


class Notes(Protocol):
    """Takes what is to become Events; never blocks, never fails."""

    def changed(self, kind: Kind, before: Object, status: Object) -> None:
        """Note the transitions of an object to its new status."""

    def warn(self, kind: Kind, obj: Object, reason: str, message: str) -> None:
        """Note trouble that no condition tells of."""


class NoNotes(Notes):
    """Takes them nowhere."""

    @override
    def changed(self, kind: Kind, before: Object, status: Object) -> None:
        """Note nothing."""

    @override
    def warn(self, kind: Kind, obj: Object, reason: str, message: str) -> None:
        """Note nothing."""


def transitions(before: Iterable[Object], after: Sequence[Object]) -> list[Note]:
    """Return what to say about the way from one list of conditions to another."""
    was = {condition["type"]: condition for condition in before}
    notes: dict[str, Note] = {}
    ready: Note | None = None
    for condition in after:
        old = was.get(condition["type"], {})
        if condition["type"] == ConditionType.READY:
            ready = _readiness(old, condition, alone=_says_alone(condition, after))
        elif not _same(old, condition) and (
            _sort(condition) is Sort.TROUBLE or _is_lost(old, condition)
        ):
            note = Note(Severity.WARNING, condition["reason"], condition["message"])
            notes.setdefault(note.reason, note)
    if ready and ready.reason not in notes:
        notes[ready.reason] = ready
    return list(notes.values())


def _readiness(old: Object, new: Object, *, alone: bool) -> Note | None:
    was, now = _was_true(old), _was_true(new)
    if was == now and not (alone and _is_trouble(new) and not _same(old, new)):
        return None
    severity = Severity.NORMAL if now or _sort(new) is Sort.ASKED else Severity.WARNING
    return Note(severity, new["reason"], new["message"])


def _says_alone(ready: Object, conditions: Iterable[Object]) -> bool:
    """Tell whether `Ready` has a reason of its own, such as what blocks a deletion."""
    return not any(c is not ready and c["reason"] == ready["reason"] for c in conditions)


def _is_trouble(condition: Object) -> bool:
    return not _was_true(condition) and _sort(condition) is Sort.TROUBLE


def _is_lost(old: Object, new: Object) -> bool:
    """Tell whether something went away that `Ready` does not speak of."""
    return new["type"] == ConditionType.SCALING_READY and _was_true(old) and not _was_true(new)


def _was_true(condition: Object) -> bool:
    return bool(condition.get("status") == "True")


def _sort(condition: Object) -> Sort:
    explained = REASONS.get(condition["reason"])
    return explained.sort if explained else Sort.TROUBLE


def _same(old: Object, new: Object) -> bool:
    return all(old.get(key) == new[key] for key in ("status", "reason"))
