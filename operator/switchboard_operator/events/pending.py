"""Events on their way: a bounded queue that keeps warnings longest. Pure."""

from collections import OrderedDict
from dataclasses import dataclass

from switchboard_operator.events.notes import Note, Severity
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object, uid_of


@dataclass(slots=True)
class Pending:
    """One Event to write, and how often it was asked for meanwhile."""

    kind: Kind
    obj: Object
    note: Note
    times: int = 1

    @property
    def key(self) -> tuple[str, Note]:
        """Return what makes two Events the same."""
        return uid_of(self.obj), self.note


class Queue:
    """First in, first out; a repetition joins what waits."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: OrderedDict[tuple[str, Note], Pending] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, pending: Pending) -> Pending | None:
        """Add one; return the one that had to go for it, the oldest Normal if there is any."""
        if (waiting := self._waiting.get(pending.key)) is not None:
            waiting.times += 1
            return None
        self._waiting[pending.key] = pending
        if len(self._waiting) <= self._limit:
            return None
        normal = (k for k, p in self._waiting.items() if p.note.severity is Severity.NORMAL)
        return self._waiting.pop(next(normal, next(iter(self._waiting))))

    def take(self) -> Pending:
        """Take the oldest."""
        return self._waiting.popitem(last=False)[1]
