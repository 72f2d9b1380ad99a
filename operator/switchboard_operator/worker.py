"""The loops that take keys from the queue and reconcile them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from switchboard_operator.directory import Key, KeyKind
from switchboard_operator.errors import ConflictError, NotFoundError, OperatorError
from switchboard_operator.health import Health
from switchboard_operator.telemetry import Telemetry
from switchboard_operator.tracing import Mark, Tracing
from switchboard_operator.workqueue import WorkQueue

_log = logging.getLogger(__name__)

Reconcile = Callable[[Key], Awaitable[bool]]
"""Brings one key in order; returns whether its object still exists."""


@dataclass(frozen=True, slots=True)
class Workers:
    """What each worker loop needs."""

    queue: WorkQueue[Key]
    reconcilers: Mapping[KeyKind, Reconcile]
    resync_seconds: float
    telemetry: Telemetry
    tracing: Tracing
    health: Health
    on_stale: Callable[[], None]
    """Called when a write was refused because what we know is not true any more."""
    may_write: asyncio.Event | None = None
    """Cleared while nothing may be written; None where it always may."""

    async def run(self) -> None:
        """Work for ever."""
        while True:
            key = await self.queue.get()
            if self.may_write is not None:
                await self.may_write.wait()
            try:
                with self.tracing.root("reconcile", {"kind": key.kind, "key": str(key)}) as span:
                    await self._one(key, span)
            finally:
                self.queue.done(key)
                self.health.progress()

    async def _one(self, key: Key, span: Mark) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            exists = await self.reconcilers[key.kind](key)
        except OperatorError as error:
            if isinstance(error, ConflictError | NotFoundError):
                self.on_stale()
            self._failed(key, span, str(error), unexpected=False)
        except Exception as error:  # noqa: BLE001  one resource must not stop the others
            self._failed(key, span, repr(error), unexpected=True)
        else:
            self.telemetry.reconciles.labels(key.kind, "ok").inc()
            span.result("ok")
            if exists:
                self.queue.succeed(key, self.resync_seconds)
            else:
                self.queue.forget(key)
        self.telemetry.reconcile_seconds.labels(key.kind).observe(loop.time() - began)

    def _failed(self, key: Key, span: Mark, message: str, *, unexpected: bool) -> None:
        self.telemetry.reconciles.labels(key.kind, "failed").inc()
        self.telemetry.retries.labels(key.kind).inc()
        span.result("failed", message)
        delay = self.queue.retry(key)
        fields = {"kind": key.kind, "key": str(key), "retry_seconds": round(delay, 2)}
        level = logging.ERROR if unexpected else logging.WARNING
        _log.log(level, "reconcile failed: %s", message, extra=fields, exc_info=unexpected)
