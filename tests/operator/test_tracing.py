"""Traces: a span per reconcile with its requests inside; nothing at all when nobody asked."""

import asyncio
import json
import logging
import subprocess
import sys

import pytest

from switchboard_operator.errors import ConflictError
from switchboard_operator.log import JsonFormatter
from switchboard_operator.observe import kube_requests, livekit_requests
from switchboard_operator.telemetry import make_telemetry
from switchboard_operator.tracing import Tracing, make_tracing
from tests.support.otlp_receiver import attributes, otlp_receiver


def _reconcile(tracing: Tracing) -> dict[str, str]:
    """Do what a worker does for one key; return the ids of its log lines."""
    telemetry = make_telemetry()
    kube, livekit = kube_requests(telemetry, tracing), livekit_requests(telemetry, tracing)
    with livekit("ListRooms", ""):
        pass  # of no reconcile: no span
    with tracing.root("reconcile", {"kind": "VoiceAgent", "key": "a/b"}) as span:
        with livekit("CreateSIPInboundTrunk", ""):
            pass
        with pytest.raises(ConflictError), kube("PATCH", "/apis/apps/v1/deployments/x"):
            raise ConflictError(409, "Conflict", "changed meanwhile")
        line = JsonFormatter(tracing.ids).format(logging.makeLogRecord({"msg": "x"}))
        span.result("failed", "changed meanwhile")
    return {k: v for k, v in json.loads(line).items() if k.endswith("_id")}


async def test_a_reconcile_is_one_trace_with_its_requests_inside() -> None:
    async with otlp_receiver() as receiver:
        tracing = make_tracing(receiver.url, "operator-0")
        ids = _reconcile(tracing)
        await asyncio.to_thread(tracing.close)
        spans = {span.name: span for span in receiver.spans()}
        root = spans.pop("reconcile")
        assert set(spans) == {"livekit CreateSIPInboundTrunk", "kube PATCH"}
        assert {span.parent_span_id for span in spans.values()} == {root.span_id}
        assert attributes(root) == {"kind": "VoiceAgent", "key": "a/b", "result": "failed"}
        assert root.status.message == "changed meanwhile"
        assert ids == {"trace_id": root.trace_id.hex(), "span_id": root.span_id.hex()}
        assert receiver.services() == {"switchboard-operator"}


def test_without_an_endpoint_no_tracing_sdk_is_imported() -> None:
    program = (
        "import sys, switchboard_operator.main as m; m.make_tracing('', 'x');"
        "sdk = ('opentelemetry.exporter', 'opentelemetry.sdk.trace');"
        "print([name for name in sys.modules if name.startswith(sdk)])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"
    assert _reconcile(make_tracing("", "operator-0")) == {}


def test_requests_are_timed_and_their_errors_counted_by_a_bounded_reason() -> None:
    telemetry = make_telemetry()
    around = kube_requests(telemetry, make_tracing("", ""))
    for reason in ("Conflict", "NoteOfSomeWebhook"):
        with pytest.raises(ConflictError), around("PATCH", "/x"):
            raise ConflictError(409, reason, "")
    text = telemetry.render().decode()
    assert 'switchboard_kube_errors_total{reason="Conflict",verb="PATCH"} 1.0' in text
    assert 'switchboard_kube_errors_total{reason="Other",verb="PATCH"} 1.0' in text
    assert 'switchboard_kube_request_seconds_count{verb="PATCH"} 2.0' in text
