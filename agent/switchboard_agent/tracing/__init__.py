"""Traces of calls: a trace each, in it a span per answered turn with its stages, and per reply.

Spans are told when they are over, with the times that metrics and records have too: no call waits
for them. The id of a trace follows from the id of its call, so whoever goes on with a lost call
goes on in its trace, and a log line that names the call names the trace. There are no words of a
call in it and no telephone numbers.

Off unless an OTLP endpoint is set; then nothing of OpenTelemetry is imported.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Protocol

from typing_extensions import override

Attributes = Mapping[str, str | int | bool]


class CallTrace(Protocol):
    """The trace of one call. Times are milliseconds on the call's clock."""

    def stage(self, stage: str, began_ms: float, ended_ms: float) -> None:
        """A stage of the turn that is answered next."""

    def reply(
        self,
        turn: int,
        began_ms: float,
        ended_ms: float,
        *,
        latency_ms: float | None,
        interrupted: bool,
    ) -> None:
        """The agent spoke; `latency_ms` after the caller, None where no turn was answered."""

    def event(self, name: str, at_ms: float, attributes: Attributes) -> None:
        """Something out of the ordinary."""

    def ended(self, at_ms: float, outcome: str) -> None:
        """The call is over, or somebody else's."""


class Tracing(Protocol):
    """Makes traces."""

    def call(
        self, call_id: str, started_unix_ms: int, began_ms: float, attributes: Attributes
    ) -> CallTrace:
        """Open the trace of a call, or go on in it: `began_ms` is when that was."""

    def trace_id(self, call_id: str) -> str:
        """The id of a call's trace in hexadecimal, for log lines; empty where none is kept."""

    async def run(self) -> None:
        """Send for ever."""

    async def aclose(self) -> None:
        """Send what is left; bounded in time. Not beside `run`."""


class NoTracing(Tracing, CallTrace):
    """Traces nothing."""

    @override
    def call(
        self, call_id: str, started_unix_ms: int, began_ms: float, attributes: Attributes
    ) -> CallTrace:
        return self

    @override
    def trace_id(self, call_id: str) -> str:
        return ""

    @override
    async def run(self) -> None:
        await asyncio.Event().wait()

    @override
    async def aclose(self) -> None:
        """Send nothing."""

    @override
    def stage(self, stage: str, began_ms: float, ended_ms: float) -> None:
        """Note nothing."""

    @override
    def reply(
        self,
        turn: int,
        began_ms: float,
        ended_ms: float,
        *,
        latency_ms: float | None,
        interrupted: bool,
    ) -> None:
        """Note nothing."""

    @override
    def event(self, name: str, at_ms: float, attributes: Attributes) -> None:
        """Note nothing."""

    @override
    def ended(self, at_ms: float, outcome: str) -> None:
        """Note nothing."""


def trace_number(call_id: str) -> int:
    """The id of a call's trace: 128 bits of its hash, never 0."""
    return int.from_bytes(hashlib.sha256(call_id.encode()).digest()[:16]) or 1


def make_tracing(endpoint: str, worker: str, pool: str) -> Tracing:
    """Tracing to an OTLP/HTTP endpoint; without one, tracing that does nothing."""
    if not endpoint:
        return NoTracing()
    # Costs some 10 MB and a quarter of a second, so only where somebody wants it.
    from switchboard_agent.tracing.otel import OtelTracing  # noqa: PLC0415

    return OtelTracing(endpoint, worker, pool)
