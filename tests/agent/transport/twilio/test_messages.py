"""Whatever comes over the wire is a typed message or a `StreamError`, and nothing else."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.transport.twilio import messages
from switchboard_agent.transport.twilio.messages import (
    Connected,
    Digit,
    Fault,
    MarkReached,
    Media,
    Started,
    Stopped,
    StreamError,
    Unknown,
    parse,
)

START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "t"},
    },
}

WORDS = st.sampled_from(
    [
        "event", "start", "media", "dtmf", "mark", "stop", "connected", "streamSid", "payload",
        "sequenceNumber", "callSid", "accountSid", "mediaFormat", "customParameters", "digit",
        "name", "encoding", "audio/x-mulaw", "1", "/w==",
    ]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=20)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(), inner),
    max_leaves=25,
)


def test_each_documented_message_is_read() -> None:
    payload = base64.b64encode(b"\xff" * 160).decode()
    head = {"sequenceNumber": "7", "streamSid": "MZ1"}
    assert parse('{"event":"connected","protocol":"Call","version":"1.0.0"}') == Connected()
    assert parse(json.dumps(START)) == Started(1, "MZ1", "CA1", "AC1", {"token": "t"})
    media = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": payload}
    assert parse(json.dumps({"event": "media", **head, "media": media})) == Media(
        7, "MZ1", b"\xff" * 160
    )
    dtmf = {"track": "inbound_track", "digit": "#"}
    assert parse(json.dumps({"event": "dtmf", **head, "dtmf": dtmf})) == Digit(7, "MZ1", "#")
    mark = json.dumps({"event": "mark", **head, "mark": {"name": "0-3200"}})
    assert parse(mark) == MarkReached(7, "MZ1", "0-3200")
    stop = json.dumps({"event": "stop", **head, "stop": {"accountSid": "AC1", "callSid": "CA1"}})
    assert parse(stop) == Stopped(7, "MZ1")


def test_event_that_twilio_may_add_is_no_error() -> None:
    assert parse('{"event":"weather","rain":true}') == Unknown()


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_message_or_a_stream_error(text: str) -> None:
    with suppress(StreamError):
        parse(text)


@given(TREES)
def test_any_json_is_a_message_or_a_stream_error(tree: object) -> None:
    with suppress(StreamError):
        parse(json.dumps(tree))


@given(
    st.sampled_from(["start", "media", "dtmf", "mark", "stop"]),
    st.dictionaries(WORDS, TREES),
    st.dictionaries(WORDS, TREES),
)
def test_documented_events_with_any_fields_are_read_or_refused(
    event: str, fields: dict[str, object], inner: dict[str, object]
) -> None:
    with suppress(StreamError):
        parse(json.dumps({**fields, event: inner, "event": event}))


@given(st.sampled_from(["sequenceNumber", "streamSid", "start"]), LEAVES)
def test_start_with_one_wrong_field_is_refused(name: str, value: object) -> None:
    if isinstance(value, str) and value.isascii() and value.isalnum():
        return
    with pytest.raises(StreamError):
        parse(json.dumps(START | {name: value}))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"encoding": "audio/x-l16"}, Fault.FORMAT),
        ({"sampleRate": 16000}, Fault.FORMAT),
        ({"channels": 2}, Fault.FORMAT),
    ],
)
def test_other_sound_than_mulaw_is_refused(change: dict[str, object], fault: Fault) -> None:
    inner = START["start"]
    changed = inner | {"mediaFormat": inner["mediaFormat"] | change}
    with pytest.raises(StreamError) as raised:
        parse(json.dumps(START | {"start": changed}))
    assert raised.value.fault is fault


def test_payload_that_is_too_long_is_refused() -> None:
    media = {"payload": base64.b64encode(bytes(messages.MAX_PAYLOAD_BYTES + 1)).decode()}
    with pytest.raises(StreamError) as raised:
        parse(
            json.dumps({"event": "media", "sequenceNumber": "2", "streamSid": "M", "media": media})
        )
    assert raised.value.fault is Fault.TOO_LONG


@given(st.text(min_size=1))
def test_no_error_repeats_what_the_peer_sent(secret: str) -> None:
    text = json.dumps({"event": "dtmf", "dtmf": {"digit": f"<<{secret}>>"}})
    with pytest.raises(StreamError) as raised:
        parse(text)
    assert f"<<{secret}>>" not in str(raised.value)


def test_what_is_sent_is_what_twilio_documents() -> None:
    assert json.loads(messages.media("MZ1", b"\x00\xff")) == {
        "event": "media",
        "streamSid": "MZ1",
        "media": {"payload": "AP8="},
    }
    assert json.loads(messages.mark("MZ1", "a")) == {
        "event": "mark",
        "streamSid": "MZ1",
        "mark": {"name": "a"},
    }
    assert json.loads(messages.clear("MZ1")) == {"event": "clear", "streamSid": "MZ1"}
