"""Call events survive the wire and are told apart by their type."""

import pytest
from pydantic import ValidationError

from switchboard_contract.call_events import CALL_EVENT, CallEnded, Outcome, TurnHeard


def test_an_event_comes_back_as_its_own_type() -> None:
    event = TurnHeard(
        call_id="c1",
        sequence=3,
        at_unix_ms=1,
        at_call_ms=2,
        turn=1,
        text="hello",
        speech_ended_call_ms=1,
    )
    assert CALL_EVENT.validate_json(event.model_dump_json(by_alias=True)) == event


def test_an_unknown_type_or_field_is_an_error() -> None:
    ended = CallEnded(
        call_id="c1",
        sequence=9,
        at_unix_ms=1,
        at_call_ms=2,
        outcome=Outcome.COMPLETED,
        duration_ms=5,
    ).model_dump(by_alias=True)
    with pytest.raises(ValidationError):
        CALL_EVENT.validate_python(ended | {"type": "call.paused"})
    with pytest.raises(ValidationError):
        CALL_EVENT.validate_python(ended | {"mood": "good"})
