"""One record per call, in whatever order and however often its events are read."""

from hypothesis import given
from hypothesis import strategies as st

from switchboard_contract.call_events import (
    CALL_EVENT,
    CallEnded,
    CallEvent,
    CallRecovered,
    CallStarted,
    KeysSent,
    Outcome,
    ProviderFailed,
    ProviderFault,
    ProviderPart,
    SlotsChanged,
    TurnHeard,
)
from switchboard_contract.call_record import fold
from switchboard_contract.recovery import EPOCH_STRIDE


def _turn(sequence: int, number: int) -> TurnHeard:
    return TurnHeard(
        call_id="c1",
        sequence=sequence,
        at_unix_ms=sequence,
        at_call_ms=sequence,
        turn=number,
        text="yes",
        speech_ended_call_ms=sequence,
    )


def _learned(sequence: int, **slots: str) -> SlotsChanged:
    return SlotsChanged(
        call_id="c1", sequence=sequence, at_unix_ms=sequence, at_call_ms=sequence, slots=slots
    )


_LATER = 2 * EPOCH_STRIDE
EVENTS: list[CallEvent] = [
    CallStarted(
        call_id="c1",
        sequence=0,
        at_unix_ms=0,
        at_call_ms=0,
        tenant="t",
        agent="n/a",
        revision="r",
        worker="one",
        room="r",
    ),
    _turn(1, 1),
    _learned(2, day="monday"),
    CallRecovered(
        call_id="c1",
        sequence=_LATER,
        at_unix_ms=3,
        at_call_ms=3,
        worker="two",
        turns=1,
        lost_ms=300,
    ),
    _turn(_LATER + 1, 2),
    _learned(_LATER + 2, day="monday", time="9"),
    CallEnded(
        call_id="c1",
        sequence=_LATER + 3,
        at_unix_ms=9,
        at_call_ms=9,
        outcome=Outcome.COMPLETED,
        duration_ms=9,
        slots={"day": "monday", "time": "9"},
    ),
]


@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=6))
def test_order_and_repetition_change_nothing(
    order: list[CallEvent], again: list[CallEvent]
) -> None:
    (record,) = fold([*order, *again]).values()
    assert record.workers == ("one", "two")
    assert record.recoveries == 1
    assert [turn.turn for turn in record.turns] == [1, 2]
    assert record.slots == (("day", "monday"), ("time", "9"))
    assert record.outcome is Outcome.COMPLETED


def test_a_call_that_runs_has_a_record_without_an_outcome() -> None:
    (record,) = fold(EVENTS[:3]).values()
    assert record.outcome is None
    assert record.slots == (("day", "monday"),)


def test_calls_are_kept_apart() -> None:
    other = [event.model_copy(update={"call_id": "c2"}) for event in EVENTS[:2]]
    records = fold([*EVENTS, *other])
    assert records.keys() == {"c1", "c2"}
    assert records["c2"].outcome is None


def test_a_lost_first_event_leaves_a_record_that_says_so() -> None:
    (record,) = fold(EVENTS[1:]).values()
    assert record.started is None
    assert record.workers == ("two",)


def test_failures_of_providers_stand_in_the_record_in_order() -> None:
    failed = [
        ProviderFailed(
            call_id="c1",
            sequence=sequence,
            at_unix_ms=sequence,
            at_call_ms=sequence,
            part=part,
            provider="own",
            fault=ProviderFault.SILENT,
            turn=1,
        )
        for sequence, part in ((3, ProviderPart.LLM), (4, ProviderPart.TTS))
    ]
    (record,) = fold([*EVENTS, *reversed(failed)]).values()
    assert record.provider_failures == tuple(failed)
    assert fold(EVENTS)["c1"].provider_failures == ()


def test_keys_of_the_agent_stand_in_the_record() -> None:
    sent = KeysSent(call_id="c1", sequence=1, at_unix_ms=1, at_call_ms=1, dtmf="12#", complete=True)
    read = CALL_EVENT.validate_json(sent.model_dump_json())
    assert fold([*EVENTS[:1], read])["c1"].keys_sent == (sent,)
