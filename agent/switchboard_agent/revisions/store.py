"""Agent revisions held in memory, so that a call needs no control plane to start.

A source (Kubernetes or a directory) reports what exists; each new revision is prepared (language
model built, voice loaded) before it counts as ready, and tried again later if that failed. A
revision that is taken away is forgotten here; calls that use it hold it themselves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from pydantic import ValidationError

from switchboard_agent.revisions.lines import Lines
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata, revision_of

RETRY_SECONDS = 10.0
"""Pause before revisions that could not be prepared are tried again."""

_log = logging.getLogger(__name__)

Prepare = Callable[[AgentConfig], Awaitable[None]]


class RevisionSource(Protocol):
    """Where revisions come from."""

    async def run(self, store: "RevisionStore") -> None:
        """Report revisions to the store until cancelled; outages are waited out."""

    async def fetch(self, wanted: DispatchMetadata, store: "RevisionStore") -> None:
        """Look for one revision directly and put it into the store if it is there."""


class RevisionStore:
    """The revisions known to this worker, by the name of the object that holds them."""

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._by_object: dict[str, tuple[str, AgentConfig]] = {}
        self._ready: dict[tuple[str, str], AgentConfig] = {}
        self._first_ready = asyncio.Event()
        self._preparing = asyncio.Lock()
        self.lines = Lines()
        """Come from the same source."""

    @property
    def ready(self) -> bool:
        """Whether at least one revision can be served."""
        return bool(self._ready)

    @property
    def objects(self) -> frozenset[str]:
        """Names of the objects whose revisions are held, ready or not."""
        return frozenset(self._by_object)

    async def wait_ready(self) -> None:
        """Return once a first revision could be served."""
        await self._first_ready.wait()

    def get(self, wanted: DispatchMetadata) -> AgentConfig | None:
        """A revision that is ready."""
        return self._ready.get((wanted.agent, wanted.revision))

    async def put(self, name: str, text: str) -> None:
        """An object appeared; one that is no valid revision is logged and ignored."""
        try:
            config = AgentConfig.model_validate_json(text)
        except ValidationError as error:
            _log.error("revision %s is not valid: %s", name, _explain(error))
            return
        held = revision_of(text), config
        self._by_object[name] = held
        await self._make_ready(name, *held)

    def drop(self, name: str) -> None:
        """An object is gone."""
        self.lines.drop(name)
        held = self._by_object.pop(name, None)
        if held is not None and held not in self._by_object.values():
            revision, config = held
            self._ready.pop((config.key, revision), None)

    def keep_only(self, names: frozenset[str]) -> None:
        """A fresh list was read: whatever is not on it is gone."""
        for name in self.objects - names:
            self.drop(name)
        self.lines.keep_only(names)

    async def run(self) -> None:
        """Try again, until cancelled, what could not be prepared."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            await self.retry()

    async def retry(self) -> None:
        """Prepare what is held and not ready."""
        for name, held in list(self._by_object.items()):
            await self._make_ready(name, *held)

    async def _make_ready(self, name: str, revision: str, config: AgentConfig) -> None:
        key = (config.key, revision)
        async with self._preparing:
            if key in self._ready or name not in self._by_object:
                return
            try:
                await self._prepare(config)
            except Exception:  # noqa: BLE001 one bad revision must not stop the others
                _log.exception("revision %s cannot be served yet: preparing it failed", name)
                return
            if name in self._by_object:
                self._ready[key] = config
                self._first_ready.set()
                _log.info("revision ready", extra={"agent": config.key, "revision": key[1]})


def _explain(error: ValidationError) -> str:
    faults = error.errors()[:5]
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
