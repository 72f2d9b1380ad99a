"""Traces by OpenTelemetry's SDK.

The SDK reads its own standard variables beside the endpoint, such as the sampler's.
"""

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, Tracer, format_trace_id, set_span_in_context
from typing_extensions import override

from switchboard_agent.tracing import Attributes, CallTrace, Tracing, trace_number
from switchboard_agent.tracing.outbox import Outbox

_NS_PER_MS = 1_000_000


class _CallIds(RandomIdGenerator):
    """Gives the next trace an id that is known before. Traces begin on the event loop only."""

    def __init__(self) -> None:
        self.next_trace = 0

    @override
    def generate_trace_id(self) -> int:
        return self.next_trace


class _OtelCall(CallTrace):
    def __init__(self, tracer: Tracer, root: Span, started_unix_ms: int) -> None:
        self._tracer = tracer
        self._root = root
        self._started_unix_ms = started_unix_ms
        self._stages: list[tuple[str, float, float]] = []

    @override
    def stage(self, stage: str, began_ms: float, ended_ms: float) -> None:
        self._stages.append((stage, began_ms, ended_ms))

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
        numbered = {"turn": turn}
        before = [stage for stage in self._stages if stage[2] <= began_ms]
        self._stages = [stage for stage in self._stages if stage[2] > began_ms]
        parent = self._root
        if latency_ms is not None:
            parent = self._span("turn", self._root, began_ms - latency_ms, began_ms, numbered)
        for stage, stage_began_ms, stage_ended_ms in before:
            self._span(stage, parent, stage_began_ms, stage_ended_ms, {})
        spoken = {**numbered, "interrupted": interrupted}
        self._span("reply", self._root, began_ms, ended_ms, spoken)

    @override
    def event(self, name: str, at_ms: float, attributes: Attributes) -> None:
        self._root.add_event(name, dict(attributes), self._at(at_ms))

    @override
    def ended(self, at_ms: float, outcome: str) -> None:
        self._root.set_attribute("outcome", outcome)
        self._root.end(self._at(at_ms))

    def _span(
        self, name: str, parent: Span, began_ms: float, ended_ms: float, attributes: Attributes
    ) -> Span:
        within = set_span_in_context(parent, Context())
        span = self._tracer.start_span(
            name, within, attributes=dict(attributes), start_time=self._at(began_ms)
        )
        span.end(self._at(ended_ms))
        return span

    def _at(self, at_ms: float) -> int:
        return _ns(self._started_unix_ms, at_ms)


class OtelTracing(Tracing):
    """The real one."""

    def __init__(self, endpoint: str, worker: str, pool: str) -> None:
        names = {
            "service.name": "switchboard-agent",
            "service.instance.id": worker,
            "switchboard.pool": pool,
        }
        self._ids = _CallIds()
        self._outbox = Outbox(f"{endpoint.rstrip('/')}/v1/traces")
        provider = TracerProvider(
            resource=Resource.create(names), id_generator=self._ids, shutdown_on_exit=False
        )
        provider.add_span_processor(self._outbox)
        self._tracer = provider.get_tracer("switchboard_agent")

    @override
    def call(
        self, call_id: str, started_unix_ms: int, began_ms: float, attributes: Attributes
    ) -> CallTrace:
        self._ids.next_trace = trace_number(call_id)
        root = self._tracer.start_span(
            "call",
            Context(),
            attributes=dict(attributes),
            start_time=_ns(started_unix_ms, began_ms),
        )
        return _OtelCall(self._tracer, root, started_unix_ms)

    @override
    def trace_id(self, call_id: str) -> str:
        return format_trace_id(trace_number(call_id))

    @override
    async def run(self) -> None:
        await self._outbox.run()

    @override
    async def aclose(self) -> None:
        await self._outbox.aclose()


def _ns(started_unix_ms: int, at_ms: float) -> int:
    return started_unix_ms * _NS_PER_MS + round(at_ms * _NS_PER_MS)
