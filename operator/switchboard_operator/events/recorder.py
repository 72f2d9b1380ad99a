"""Writing Events: `events.k8s.io/v1`, a series count where one repeats, never in anybody's way.

    changed/warn -> budget of the object -> bounded queue -> one slow writer

A reconcile only puts a note into the queue. The writer sends ten a second at most, so that a burst
of a thousand resources adds a tenth to the load it makes anyway, and an outage that hits all of
them does not end in a second one.
"""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from typing_extensions import override

from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.events.budget import Bucket, Buckets
from switchboard_operator.events.notes import Note, Notes, Severity, transitions
from switchboard_operator.events.pending import Pending, Queue
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import EVENT, Kind
from switchboard_operator.kube.objects import Object, name_of, namespace_of, uid_of

_log = logging.getLogger(__name__)

REPORTER = "switchboard-operator"
QUEUE_LIMIT = 1_000
PER_SECOND = 10.0
OBJECT_BURST = 10.0
OBJECT_PER_SECOND = 1 / 60
"""An object that flaps is told of once a minute."""
SERIES_SECONDS = 360.0
"""A repetition within this time raises the count of the Event that is there, as in client-go."""
_SERIES = 4_096
_NOTE_BYTES = 1_024
_NAME_LENGTH = 230


@dataclass(slots=True)
class _Series:
    """An Event that was written."""

    namespace: str
    name: str
    count: int
    at: float


class Recorder(Notes):
    """See the module."""

    def __init__(self, api: KubeApi, *, identity: str, on_result: Callable[[str], None]) -> None:
        self._api = api
        self._identity = identity
        self._on_result = on_result
        self._queue = Queue(QUEUE_LIMIT)
        self._objects = Buckets(OBJECT_BURST, OBJECT_PER_SECOND)
        self._series: OrderedDict[tuple[str, Note], _Series] = OrderedDict()
        self._added = asyncio.Event()

    @override
    def changed(self, kind: Kind, before: Object, status: Object) -> None:
        conditions = (before.get("status") or {}).get("conditions") or []
        for note in transitions(conditions, status.get("conditions") or []):
            self._add(kind, before, note)

    @override
    def warn(self, kind: Kind, obj: Object, reason: str, message: str) -> None:
        self._add(kind, obj, Note(Severity.WARNING, reason, message))

    async def write_all(self) -> None:
        """Write what comes, for ever."""
        loop = asyncio.get_running_loop()
        rate = Bucket(PER_SECOND, PER_SECOND, at=loop.time())
        while True:
            await self._added.wait()
            while len(self._queue):
                await asyncio.sleep(rate.wait(loop.time()))
                rate.take(loop.time())
                await self._write(self._queue.take())
            self._added.clear()

    def _add(self, kind: Kind, obj: Object, note: Note) -> None:
        if not self._objects.take(uid_of(obj), asyncio.get_running_loop().time()):
            self._on_result("dropped")
            return
        if self._queue.add(Pending(kind, obj, note)) is not None:
            self._on_result("dropped")
        self._added.set()

    async def _write(self, pending: Pending) -> None:
        try:
            if not await self._counted(pending):
                await self._create(pending)
        except KubeApiError as error:
            self._on_result("failed")
            _log.info("event not written: %s", error, extra={"reason": pending.note.reason})
        else:
            self._on_result("written")

    async def _counted(self, pending: Pending) -> bool:
        """Raise the count of the same Event, if it was written lately and is still there."""
        now = asyncio.get_running_loop().time()
        series = self._series.get(pending.key)
        if series is None or now - series.at > SERIES_SECONDS:
            return False
        series.count, series.at = series.count + pending.times, now
        patch = {"series": {"count": series.count, "lastObservedTime": _now()}}
        try:
            await self._api.patch(EVENT, series.namespace, series.name, patch)
        except NotFoundError:
            return False
        return True

    async def _create(self, pending: Pending) -> None:
        event = self._event(pending)
        await self._api.create(EVENT, event)
        now = asyncio.get_running_loop().time()
        self._series[pending.key] = _Series(namespace_of(event), name_of(event), pending.times, now)
        if len(self._series) > _SERIES:
            self._series.popitem(last=False)

    def _event(self, pending: Pending) -> Object:
        obj, note, when = pending.obj, pending.note, _now()
        regarding = {
            "apiVersion": pending.kind.api_version,
            "kind": pending.kind.kind,
            "namespace": namespace_of(obj),
            "name": name_of(obj),
            "uid": uid_of(obj),
            "resourceVersion": obj["metadata"].get("resourceVersion", ""),
        }
        event: Object = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "namespace": namespace_of(obj) or "default",
                "name": f"{name_of(obj)[:_NAME_LENGTH]}.{secrets.token_hex(8)}",
            },
            "eventTime": when,
            "reportingController": REPORTER,
            "reportingInstance": self._identity[:128],
            "action": "Reconcile",
            "reason": note.reason,
            "type": note.severity.value,
            "note": _cut(note.message),
            "regarding": {key: value for key, value in regarding.items() if value},
        }
        if pending.times > 1:
            event["series"] = {"count": pending.times, "lastObservedTime": when}
        return event


def _cut(text: str) -> str:
    raw = text.encode()
    return (
        text if len(raw) <= _NOTE_BYTES else raw[: _NOTE_BYTES - 3].decode(errors="ignore") + "..."
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
