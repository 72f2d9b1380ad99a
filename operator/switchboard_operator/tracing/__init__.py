"""Traces of what the operator does: a span per reconcile, its requests inside.

Off unless an OTLP endpoint is set; then nothing of OpenTelemetry is imported, and a span costs a
call that does nothing. Whoever makes spans gets a `Tracing` and does not know which it is.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from typing_extensions import override

Attributes = Mapping[str, str]


class Mark(Protocol):
    """A span that is open."""

    def result(self, result: str, why: str = "") -> None:
        """Note how it ended; `why` makes it a failure."""


class Tracing(Protocol):
    """Makes spans."""

    def root(self, name: str, attributes: Attributes) -> AbstractContextManager[Mark]:
        """Open a span of its own trace."""

    def child(self, name: str, attributes: Attributes) -> AbstractContextManager[object]:
        """Open a span inside the one that is open; none where none is."""

    def ids(self) -> Mapping[str, str]:
        """Return `trace_id` and `span_id` of the open span, for log lines."""

    def close(self) -> None:
        """Send what is left; bounded in time."""


class _NoMark(Mark):
    @override
    def result(self, result: str, why: str = "") -> None:
        """Note nothing."""


class NoTracing(Tracing):
    """Traces nothing."""

    def __init__(self) -> None:
        self._span = nullcontext(_NoMark())

    @override
    def root(self, name: str, attributes: Attributes) -> AbstractContextManager[Mark]:
        return self._span

    @override
    def child(self, name: str, attributes: Attributes) -> AbstractContextManager[object]:
        return self._span

    @override
    def ids(self) -> Mapping[str, str]:
        return {}

    @override
    def close(self) -> None:
        """Send nothing."""


def make_tracing(endpoint: str, identity: str) -> Tracing:
    """Return tracing to an OTLP/HTTP endpoint; with none, tracing that does nothing."""
    if not endpoint:
        return NoTracing()
    # Costs 9 MB and a quarter of a second, so only where somebody wants it.
    from switchboard_operator.tracing.otel import OtelTracing  # noqa: PLC0415

    return OtelTracing(endpoint, identity)
