"""One peer gets what a call needs and not more, in the order that Twilio documents."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.transport.twilio.messages import Fault, Media, Stopped, StreamError
from switchboard_agent.transport.twilio.stream import StreamLimits, StreamProtocol
from tests.agent.transport.twilio.test_messages import START

CONNECTED = '{"event":"connected"}'
FRAME = base64.b64encode(b"\xff" * 160).decode()


def media(sequence: int, *, stream: str = "MZ1", payload: str = FRAME) -> str:
    return json.dumps(
        {
            "event": "media",
            "sequenceNumber": str(sequence),
            "streamSid": stream,
            "media": {"payload": payload},
        }
    )


def stop(sequence: int) -> str:
    return json.dumps(
        {"event": "stop", "sequenceNumber": str(sequence), "streamSid": "MZ1", "stop": {}}
    )


def streaming(limits: StreamLimits | None = None) -> StreamProtocol:
    protocol = StreamProtocol(limits or StreamLimits(), 0.0)
    protocol.receive(CONNECTED, 0.0)
    protocol.receive(json.dumps(START), 0.0)
    return protocol


def fault_of(protocol: StreamProtocol, text: str, now: float = 0.0) -> Fault:
    with pytest.raises(StreamError) as raised:
        protocol.receive(text, now)
    return raised.value.fault


def test_hour_of_a_call_passes() -> None:
    protocol = streaming()
    for number in range(3600 * 50):
        assert isinstance(protocol.receive(media(number + 2), number * 0.02), Media)
    assert isinstance(protocol.receive(stop(200_000), 3600.0), Stopped)


@pytest.mark.parametrize("text", [json.dumps(START), media(2), stop(2), '{"event":"new"}'])
def test_nothing_comes_before_connected(text: str) -> None:
    assert fault_of(StreamProtocol(StreamLimits(), 0.0), text) is Fault.ORDER


@pytest.mark.parametrize("text", [CONNECTED, media(2), stop(2)])
def test_only_start_comes_after_connected(text: str) -> None:
    protocol = StreamProtocol(StreamLimits(), 0.0)
    protocol.receive(CONNECTED, 0.0)
    assert fault_of(protocol, text) is Fault.ORDER


def test_stream_begins_once_and_ends_once() -> None:
    assert fault_of(streaming(), json.dumps(START)) is Fault.ORDER
    over = streaming()
    over.receive(stop(2), 0.0)
    assert fault_of(over, media(3)) is Fault.ORDER


def test_sequence_that_does_not_go_up_is_refused() -> None:
    protocol = streaming()
    protocol.receive(media(5), 0.0)
    assert fault_of(protocol, media(5)) is Fault.SEQUENCE
    assert fault_of(protocol, media(4)) is Fault.SEQUENCE


def test_message_of_another_stream_is_refused() -> None:
    assert fault_of(streaming(), media(2, stream="MZ2")) is Fault.OTHER_STREAM


def test_long_message_is_refused_before_it_is_read() -> None:
    assert fault_of(streaming(), "x" * 20_000) is Fault.TOO_LONG


def test_what_a_network_held_back_for_ten_seconds_may_come_at_once() -> None:
    protocol = streaming()
    for number in range(500):
        protocol.receive(media(number + 2), 10.0)


def test_sound_faster_than_speech_is_refused() -> None:
    protocol = streaming()
    second = base64.b64encode(bytes(8000)).decode()
    for number in range(5):
        protocol.receive(media(number + 2, payload=second), 0.0)
    assert fault_of(protocol, media(99)) is Fault.TOO_FAST


def test_flood_of_small_messages_is_refused() -> None:
    protocol = streaming(StreamLimits(messages_per_second=100, messages_at_once=50))
    for number in range(2, 50):
        protocol.receive(media(number, payload=""), 0.0)
    assert fault_of(protocol, media(50, payload="")) is Fault.TOO_FAST


EVENTS = st.sampled_from(
    [CONNECTED, json.dumps(START), media(1), media(2), media(3), stop(3), stop(4), "{", "[]"]
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 0.1))))
def test_any_order_of_messages_is_taken_or_refused(steps: list[tuple[str, float]]) -> None:
    protocol, now, sound = StreamProtocol(StreamLimits(), 0.0), 0.0, 0
    try:
        for text, wait in steps:
            now += wait
            message = protocol.receive(text, now)
            sound += len(message.payload) if isinstance(message, Media) else 0
    except StreamError:
        pass
    assert sound <= (now + StreamLimits().ahead_seconds) * 8000
