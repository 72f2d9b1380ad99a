"""A whole socket's worth of transactions on a clock of plain numbers."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from typing_extensions import override

from switchboard_media.sip import message
from switchboard_media.sip.layer import TransactionLayer
from switchboard_media.sip.message import Request
from switchboard_media.sip.responses import response_to
from switchboard_media.sip.transaction import (
    Acknowledged,
    Answered,
    Cancelled,
    Failed,
    Failure,
    NewRequest,
    Outcome,
)
from tests.media.sip.messages import INVITE, as_request, as_response, request_bytes

CALLER = ("192.0.2.7", 4444)


def arriving(data: bytes) -> Request:
    return message.received_from(as_request(data), *CALLER)


def invited(layer: TransactionLayer) -> NewRequest:
    """A layer with one INVITE in it."""
    (event,) = layer.on_request(arriving(INVITE), 0.0).events
    assert isinstance(event, NewRequest)
    return event


def statuses(outcome: Outcome) -> list[int]:
    return [as_response(send.data).status for send in outcome.sends]


def test_a_request_is_told_once_and_its_copies_get_the_last_answer() -> None:
    layer = TransactionLayer()
    new = invited(layer)
    assert layer.on_request(arriving(INVITE), 0.1) == Outcome()
    layer.respond(new.key, response_to(new.request, 180, to_tag="t"), 0.2)
    again = layer.on_request(arriving(INVITE), 0.5)
    assert (statuses(again), again.events) == ([180], ())


def test_answers_go_where_the_request_came_from() -> None:
    layer = TransactionLayer()
    new = invited(layer)
    (send,) = layer.respond(new.key, response_to(new.request, 100), 0.0).sends
    assert send.to == CALLER


def test_a_call_is_answered_acknowledged_and_ended() -> None:
    layer = TransactionLayer()
    new = invited(layer)
    layer.respond(new.key, response_to(new.request, 200, to_tag="t"), 1.0)
    assert layer.deadline_s == 1.5
    assert statuses(layer.on_timer(1.5)) == [200]
    ack = arriving(request_bytes("ACK", branch="z9hG4bK-other", to_tag="t"))
    assert layer.on_request(ack, 1.6) == Outcome(events=(Acknowledged(new.key, ack),))
    assert layer.on_request(ack, 1.7) == Outcome(), "its copy is no news"
    assert layer.on_timer(30.0) == Outcome(), "nothing is repeated any more"
    (bye,) = layer.on_request(arriving(request_bytes("BYE", 2, "z9hG4bK-2", "t")), 31.0).events
    assert isinstance(bye, NewRequest)
    assert statuses(layer.respond(bye.key, response_to(bye.request, 200), 31.0)) == [200]
    layer.on_timer(100.0)
    assert len(layer) == 0


def test_the_ack_of_a_refusal_bears_the_invites_branch_and_is_no_event() -> None:
    layer = TransactionLayer()
    new = invited(layer)
    layer.respond(new.key, response_to(new.request, 404, to_tag="t"), 0.0)
    ack = arriving(request_bytes("ACK", to_tag="t"))
    assert layer.on_request(ack, 0.1) == Outcome()
    assert layer.on_timer(4.0) == Outcome()
    layer.on_timer(5.1)
    assert len(layer) == 0


def test_a_200_that_nobody_acknowledges_is_told() -> None:
    layer = TransactionLayer()
    new = invited(layer)
    layer.respond(new.key, response_to(new.request, 200, to_tag="t"), 0.0)
    outcome = layer.on_timer(32.0)
    assert outcome.events == (Failed(new.key, Failure.NO_ACK),)
    assert len(layer) == 0


def test_a_cancel_is_answered_with_the_calls_tag_and_told_once() -> None:
    layer = TransactionLayer()
    new = invited(layer)
    layer.respond(new.key, response_to(new.request, 180, to_tag="mine"), 0.1)
    cancel = arriving(request_bytes("CANCEL"))
    outcome = layer.on_request(cancel, 1.0)
    assert outcome.events == (Cancelled(new.key, cancel),)
    (answer,) = outcome.sends
    assert as_response(answer.data).status == 200
    assert as_response(answer.data).recipient.tag == "mine"
    copy = layer.on_request(cancel, 1.1)
    assert (statuses(copy), copy.events) == ([200], ())
    terminated = layer.respond(new.key, response_to(new.request, 487, to_tag="mine"), 1.2)
    assert statuses(terminated) == [487]


def test_a_cancel_after_the_answer_changes_nothing() -> None:
    layer = TransactionLayer()
    new = invited(layer)
    layer.respond(new.key, response_to(new.request, 200, to_tag="t"), 0.1)
    outcome = layer.on_request(arriving(request_bytes("CANCEL")), 0.2)
    assert (statuses(outcome), outcome.events) == ([200], ())


def test_a_cancel_of_nothing_is_refused() -> None:
    outcome = TransactionLayer().on_request(arriving(request_bytes("CANCEL")), 0.0)
    assert (statuses(outcome), outcome.events) == ([481], ())


def test_stray_acks_and_responses_are_swallowed() -> None:
    layer = TransactionLayer()
    assert layer.on_request(arriving(request_bytes("ACK")), 0.0) == Outcome()
    stray = response_to(as_request(request_bytes("BYE")), 200)
    assert layer.on_response(stray, 0.0) == Outcome()
    assert len(layer) == 0


def test_a_request_of_ours_is_answered_once() -> None:
    layer = TransactionLayer()
    bye = as_request(request_bytes("BYE", branch="z9hG4bK-ours"))
    (sent,) = layer.request(bye, CALLER, 0.0).sends
    assert (sent.to, sent.data) == (CALLER, bytes(bye))
    (again,) = layer.on_timer(0.5).sends
    assert again == sent
    response = response_to(bye, 200)
    (answered,) = layer.on_response(response, 0.6).events
    assert isinstance(answered, Answered)
    assert layer.on_response(response, 0.7) == Outcome()
    assert layer.on_timer(5.7) == Outcome()
    assert len(layer) == 0


def test_a_request_of_ours_that_nobody_answers_is_told() -> None:
    layer = TransactionLayer()
    layer.request(as_request(request_bytes("BYE", branch="z9hG4bK-ours")), CALLER, 0.0)
    (failed,) = layer.on_timer(32.0).events
    assert isinstance(failed, Failed)
    assert failed.failure is Failure.NO_RESPONSE
    assert len(layer) == 0


def test_a_response_with_another_method_is_not_ours() -> None:
    layer = TransactionLayer()
    layer.request(as_request(request_bytes("BYE", branch="z9hG4bK-ours")), CALLER, 0.0)
    other = response_to(as_request(request_bytes("OPTIONS", branch="z9hG4bK-ours")), 200)
    assert layer.on_response(other, 0.1) == Outcome()


def test_a_response_for_somebody_behind_us_is_swallowed() -> None:
    layer = TransactionLayer()
    bye = as_request(request_bytes("BYE", branch="z9hG4bK-ours"))
    layer.request(bye, CALLER, 0.0)
    ok = response_to(bye, 200)
    passing = replace(ok, headers=ok.headers.plus([("Via", "SIP/2.0/UDP b;branch=z9hG4bK-b")]))
    assert layer.on_response(passing, 0.1) == Outcome()
    assert layer.on_response(ok, 0.2).events


def test_peers_of_rfc_2543_are_told_apart_without_a_magic_branch() -> None:
    layer = TransactionLayer()
    old = INVITE.replace(b"z9hG4bK-1", b"1")
    assert len(layer.on_request(arriving(old), 0.0).events) == 1
    assert layer.on_request(arriving(old), 0.1).events == ()
    other = old.replace(b"1-77@", b"2-77@")
    assert len(layer.on_request(arriving(other), 0.2).events) == 1


def test_above_its_capacity_the_layer_refuses_and_remembers_nothing() -> None:
    layer = TransactionLayer(capacity=1)
    new = invited(layer)
    other = arriving(INVITE.replace(b"z9hG4bK-1", b"z9hG4bK-2"))
    outcome = layer.on_request(other, 0.0)
    assert (statuses(outcome), outcome.events, len(layer)) == ([503], (), 1)
    assert as_response(outcome.sends[0].data).recipient.tag
    layer.respond(new.key, response_to(new.request, 200, to_tag="t"), 0.1)
    ack = arriving(request_bytes("ACK", branch="z9hG4bK-a", to_tag="t"))
    assert layer.on_request(ack, 0.2).events, "calls that are held go on"


def test_an_answer_to_a_forgotten_request_is_dropped() -> None:
    layer = TransactionLayer()
    new = invited(layer)
    layer.respond(new.key, response_to(new.request, 486, to_tag="t"), 0.0)
    layer.on_timer(32.0)
    assert layer.respond(new.key, response_to(new.request, 200, to_tag="t"), 33.0) == Outcome()


@pytest.mark.parametrize("status", [200, 486])
def test_following_the_deadlines_repeats_as_often_as_the_rfc_says(status: int) -> None:
    layer, sent = TransactionLayer(), 0
    new = invited(layer)
    layer.respond(new.key, response_to(new.request, status, to_tag="t"), 0.0)
    while layer.deadline_s is not None:
        sent += len(layer.on_timer(layer.deadline_s).sends)
    assert sent == 10


class RandomTraffic(RuleBasedStateMachine):
    """Requests, copies, answers and time in any order never break the layer's bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = TransactionLayer(capacity=8)
        self.now_s = 0.0
        self.told: list[NewRequest] = []
        self.final: set[object] = set()

    @rule(
        method=st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"]),
        branch=st.integers(0, 5),
        cseq=st.integers(1, 3),
    )
    def receive(self, method: str, branch: int, cseq: int) -> None:
        data = request_bytes(method, cseq, f"z9hG4bK-{branch}")
        outcome = self.layer.on_request(arriving(data), self.now_s)
        for event in outcome.events:
            if isinstance(event, NewRequest):
                assert method in {"INVITE", "BYE", "OPTIONS"}
                self.told.append(event)
            else:
                assert isinstance(event, Acknowledged | Cancelled)
        assert len(outcome.sends) <= 1

    @rule(choice=st.integers(0, 50), status=st.sampled_from([100, 180, 200, 404, 487]))
    def answer(self, choice: int, status: int) -> None:
        if self.told:
            told = self.told[choice % len(self.told)]
            response = response_to(told.request, status, to_tag="t")
            assert len(self.layer.respond(told.key, response, self.now_s).sends) <= 1

    @rule(step_s=st.floats(0.01, 40.0))
    def wait(self, step_s: float) -> None:
        self.now_s += step_s
        outcome = self.layer.on_timer(self.now_s)
        assert all(isinstance(event, Failed) for event in outcome.events)

    @invariant()
    def nothing_is_overdue_and_nothing_leaks(self) -> None:
        deadline_s = self.layer.deadline_s
        assert deadline_s is None or deadline_s > self.now_s - 1e-9
        assert len(self.layer) <= 8

    @override
    def teardown(self) -> None:
        for told in self.told:
            self.layer.respond(told.key, response_to(told.request, 500, to_tag="t"), self.now_s)
        while self.layer.deadline_s is not None:
            self.layer.on_timer(self.layer.deadline_s)
        assert len(self.layer) == 0


TestRandomTraffic = RandomTraffic.TestCase
TestRandomTraffic.settings = settings(max_examples=40, stateful_step_count=30)


@given(st.integers(1, 20))
def test_many_calls_at_once_are_all_forgotten_in_the_end(calls: int) -> None:
    layer = TransactionLayer()
    for n in range(calls):
        data = INVITE.replace(b"z9hG4bK-1", f"z9hG4bK-{n}".encode()).replace(
            b"1-77", f"{n}".encode()
        )
        (new,) = layer.on_request(arriving(data), n * 0.1).events
        assert isinstance(new, NewRequest)
        layer.respond(new.key, response_to(new.request, 200, to_tag="t"), n * 0.1)
    assert len(layer) == calls
    failures = 0
    while layer.deadline_s is not None:
        failures += len(layer.on_timer(layer.deadline_s).events)
    assert (failures, len(layer)) == (calls, 0)
