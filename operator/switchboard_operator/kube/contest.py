"""Tug of war: another controller writes a field of our child again and again.

Setting drift right is our work; doing it for ever against somebody who does the same is a storm of
writes that neither wins (and each write of a pod template is a rollout that costs calls). So after
a few rounds over one field we stop, leave the object as it is for a while, and say who it is: the
API server notes for each field who wrote it last (`managedFields`).
"""

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from switchboard_contract import names
from switchboard_operator.errors import ContestedError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.compare import Step, spelled
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.store import Ref

ROUNDS = 5
"""Times that one field is set right within the window before it counts as a fight. A person who
tries something out edits it twice or thrice.
"""
WINDOW_SECONDS = 300.0
REST_SECONDS = 600.0
"""How long the object is left alone then; the next round shows whether the other still pulls."""
_REMEMBERED = 10_000


@dataclass(slots=True)
class _Field:
    times: deque[float] = field(default_factory=deque)
    resting_until: float = 0.0
    message: str = ""


class Contests:
    """What was set right lately, by object and field."""

    def __init__(self, clock: Callable[[], float], on_contest: Callable[[Kind], None]) -> None:
        self._clock = clock
        self._on_contest = on_contest
        self._fields: OrderedDict[tuple[Ref, str], _Field] = OrderedDict()

    async def check(self, api: KubeApi, ref: Ref, way: Sequence[Step]) -> None:
        """Note that a field is about to be set right; ContestedError if it is fought over."""
        now, text = self._clock(), spelled(way)
        seen = self._fields.setdefault((ref, text), _Field())
        self._fields.move_to_end((ref, text))
        if len(self._fields) > _REMEMBERED:
            self._fields.popitem(last=False)
        if now < seen.resting_until:
            raise ContestedError(seen.message)
        while seen.times and now - seen.times[0] > WINDOW_SECONDS:
            seen.times.popleft()
        seen.times.append(now)
        if len(seen.times) > ROUNDS:
            other = manager_of(await api.get(ref.kind, ref.namespace, ref.name), way)
            seen.message = _message(ref, text, other)
            seen.resting_until = now + REST_SECONDS
            seen.times.clear()
            self._on_contest(ref.kind)
            raise ContestedError(seen.message)


def _message(ref: Ref, text: str, other: str) -> str:
    who = f"field manager {other!r}" if other else "another controller"
    return (
        f"{ref.kind.kind} {ref.name}: {who} keeps changing {text}, which Switchboard set right "
        f"{ROUNDS} times in {WINDOW_SECONDS / 60:.0f} minutes; the object is left as it is for "
        f"{REST_SECONDS / 60:.0f} minutes at a time: stop {other or 'that controller'} from "
        "changing it"
    )


def manager_of(obj: Object, way: Sequence[Step]) -> str:
    """Return who else wrote a field last; empty if nobody is noted for it."""
    entries = [
        entry
        for entry in obj["metadata"].get("managedFields") or []
        if entry.get("manager") != names.FIELD_MANAGER and _holds(entry.get("fieldsV1"), way)
    ]
    entries.sort(key=lambda entry: str(entry.get("time", "")))
    return str(entries[-1]["manager"]) if entries else ""


def _holds(fields: Any, way: Sequence[Step]) -> bool:  # noqa: ANN401  fieldsV1 is a JSON tree
    if not isinstance(fields, dict):
        return False
    if not fields or not way:
        return True  # the field itself, or a list or map that is owned as a whole
    step, *rest = way
    if isinstance(step, str):
        return _holds(fields.get(f"f:{step}"), rest)
    exact = "k:" + json.dumps({step[0]: step[1]}, separators=(",", ":"))
    # The API keys some lists by more than a name (ports): then any entry may be the one.
    entries = [fields[exact]] if exact in fields else [v for k, v in fields.items() if k[0] == "k"]
    return any(_holds(entry, rest) for entry in entries)
