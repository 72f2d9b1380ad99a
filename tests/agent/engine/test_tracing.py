"""The trace of a call, as a collector receives it."""

import asyncio
import subprocess
import sys

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from switchboard_agent.dialog.base import Reply
from switchboard_agent.tracing import make_tracing
from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.call_events import CallStarted
from tests.agent.engine.calls import Call
from tests.agent.live.rig import until
from tests.support.otlp_receiver import OtlpReceiver, attributes, otlp_receiver
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt, tone

NS_PER_MS = 1_000_000


async def says_two_things(caller: LoopbackCaller) -> None:
    for _ in range(2):
        await caller.wait_for_silence(0.5)
        await caller.say(tone(800))
        await caller.wait_for_agent()


async def traced(receiver: OtlpReceiver, call: Call) -> list[Span]:
    """The spans of a call, by their begin."""
    call.tracing = make_tracing(receiver.url, "worker-1", "pool-1")
    await asyncio.to_thread(call.play, says_two_things)
    await call.tracing.aclose()
    return sorted(receiver.spans(), key=lambda span: span.start_time_unix_nano)


def two_turns() -> Call:
    dialog = ScriptedAnswers([Reply("an answer")])
    return Call(dialog=dialog, stt=ScriptedStt(["my secret word", "bye"]))


def milliseconds(span: Span) -> float:
    return (span.end_time_unix_nano - span.start_time_unix_nano) / NS_PER_MS


async def test_a_call_is_one_trace_and_its_turns_last_as_long_as_on_record() -> None:
    call = two_turns()
    async with otlp_receiver() as receiver:
        spans = await traced(receiver, call)
        assert receiver.services() == {"switchboard-agent"}
        (root,) = [span for span in spans if span.name == "call"]
        assert not root.parent_span_id
        assert {span.trace_id for span in spans} == {root.trace_id}
        (started,) = [e for e in call.records.events if isinstance(e, CallStarted)]
        assert root.start_time_unix_nano == started.at_unix_ms * NS_PER_MS
        assert round(milliseconds(root)) == call.ended.duration_ms
        about = attributes(root)
        assert (about["call_id"], about["outcome"]) == ("call-1", call.ended.outcome)
        told = [r.turn_latency_ms for r in call.replies if r.turn_latency_ms is not None]
        turns = [span for span in spans if span.name == "turn"]
        assert len(turns) == 2
        assert [round(milliseconds(span)) for span in turns] == [round(ms) for ms in told]
        assert {span.parent_span_id for span in turns} == {root.span_id}
        assert len([span for span in spans if span.name == "reply"]) == len(call.replies)


async def test_the_stages_of_a_turn_lie_inside_it_and_no_word_is_told() -> None:
    async with otlp_receiver() as receiver:
        spans = await traced(receiver, two_turns())
        for turn in [span for span in spans if span.name == "turn"]:
            stages = [span for span in spans if span.parent_span_id == turn.span_id]
            assert {span.name for span in stages} == {"endpointing", "stt", "dialog", "tts"}
            for stage in stages:
                assert stage.start_time_unix_nano >= turn.start_time_unix_nano
                assert stage.end_time_unix_nano <= turn.end_time_unix_nano
        sent = b"".join(request.SerializeToString() for request in receiver.requests)
        for secret in ("secret", "answer", "hello", "+1555"):
            assert secret.encode() not in sent


async def test_who_goes_on_with_a_call_goes_on_in_its_trace() -> None:
    async with otlp_receiver() as receiver:
        for worker in ("worker-1", "worker-2"):
            tracing = make_tracing(receiver.url, worker, "pool-1")
            tracing.call("call-7", 1_000, 0.0, {}).ended(5.0, "given_away")
            name = tracing.trace_id("call-7")
            await tracing.aclose()
        first, second = receiver.spans()
        assert first.trace_id == second.trace_id == bytes.fromhex(name)
        assert first.span_id != second.span_id


async def test_what_a_collector_may_take_later_is_kept_and_what_it_never_takes_is_not() -> None:
    async with otlp_receiver() as receiver:
        tracing = make_tracing(receiver.url, "worker-1", "pool-1")
        receiver.refusals = [400]
        tracing.call("never-taken", 1_000, 0.0, {}).ended(5.0, "completed")
        await tracing.aclose()
        receiver.refusals = [503]
        tracing.call("taken-later", 1_000, 0.0, {}).ended(5.0, "completed")
        running = asyncio.create_task(tracing.run())
        await until(lambda: bool(receiver.requests))
        running.cancel()
        assert not receiver.refusals
        (span,) = receiver.spans()
        assert span.trace_id.hex() == tracing.trace_id("taken-later")


async def test_a_collector_that_is_away_for_long_costs_spans_and_no_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracing = make_tracing("http://127.0.0.1:9", "worker-1", "pool-1")
    call = tracing.call("call-7", 1_000, 0.0, {})
    for turn in range(6_000):
        call.reply(turn, 1.0, 2.0, latency_ms=None, interrupted=False)
    await tracing.aclose()
    (record,) = [line for line in caplog.records if line.message == "spans were dropped"]
    assert vars(record)["spans"] == 6_000


async def test_a_collector_that_is_away_does_not_hold_up_the_end() -> None:
    tracing = make_tracing("http://127.0.0.1:9", "worker-1", "pool-1")
    tracing.call("call-7", 1_000, 0.0, {}).ended(5.0, "completed")
    async with asyncio.timeout(3):
        await tracing.aclose()


def test_without_an_endpoint_no_tracing_sdk_is_imported() -> None:
    program = (
        "import sys, switchboard_agent.main as m; m.make_tracing('', 'x', 'y');"
        "sdk = ('opentelemetry.exporter', 'opentelemetry.sdk.trace');"
        "print([name for name in sys.modules if name.startswith(sdk)])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"
