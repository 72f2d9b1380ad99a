"""An INVITE of ours: repeated until it rings, acknowledged when it fails, cancelled in time."""

import pytest

from switchboard_media.sip.layer import TransactionLayer
from switchboard_media.sip.message import Request, Response
from switchboard_media.sip.responses import response_to
from switchboard_media.sip.transaction import Answered, Failed, Failure, Outcome
from tests.media.sip.messages import INVITE, as_request

PHONE = ("10.0.0.1", 5060)
OURS = as_request(INVITE)
CANCEL = Request(
    "CANCEL", OURS.uri, OURS.headers.having("CSeq", "1 CANCEL").without("Content-Type")
)


def dialled() -> TransactionLayer:
    layer = TransactionLayer()
    (sent,) = layer.request(OURS, PHONE, 0.0).sends
    assert (sent.data, sent.to) == (bytes(OURS), PHONE)
    return layer


def response(status: int) -> Response:
    return response_to(OURS, status, to_tag="phone")


def news(outcome: Outcome) -> list[int]:
    return [event.response.status for event in outcome.events if isinstance(event, Answered)]


def test_an_unanswered_invite_is_repeated_ever_slower_and_given_up() -> None:
    layer, sent, failures = dialled(), list[float](), list[Failure]()
    while (deadline_s := layer.deadline_s) is not None:
        outcome = layer.on_timer(deadline_s)
        sent += [deadline_s] * len(outcome.sends)
        failures += [event.failure for event in outcome.events if isinstance(event, Failed)]
    assert sent == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert failures == [Failure.NO_RESPONSE]
    assert len(layer) == 0


def test_it_rings_as_long_as_its_user_likes() -> None:
    layer = dialled()
    assert news(layer.on_response(response(100), 0.1)) == [100]
    assert news(layer.on_response(response(180), 0.2)) == [180]
    assert layer.on_timer(3600.0) == Outcome()
    assert news(layer.on_response(response(200), 3601.0)) == [200]


def test_a_failure_is_told_once_and_acknowledged_each_time() -> None:
    layer = dialled()
    first = layer.on_response(response(486), 0.1)
    again = layer.on_response(response(486), 0.6)
    assert (news(first), news(again)) == ([486], [])
    for outcome in (first, again):
        (sent,) = outcome.sends
        ack = as_request(sent.data)
        assert (ack.method, ack.uri, sent.to) == ("ACK", OURS.uri, PHONE)
        assert ack.via.branch == OURS.via.branch
        assert ack.recipient.tag == "phone"
        assert str(ack.cseq) == "1 ACK"
    assert layer.on_timer(33.0) == Outcome()
    assert len(layer) == 0


def test_each_copy_of_a_2xx_is_told_because_each_needs_its_ack() -> None:
    layer = dialled()
    outcomes = [layer.on_response(response(200), at) for at in (0.1, 0.6)]
    assert [news(outcome) for outcome in outcomes] == [[200], [200]]
    assert not any(outcome.sends for outcome in outcomes), "the ACK of a 2xx is the dialog's"
    assert layer.on_timer(33.0) == Outcome()
    assert layer.on_response(response(200), 34.0) == Outcome()


@pytest.mark.parametrize("late", [180, 486])
def test_what_comes_after_the_answer_is_swallowed(late: int) -> None:
    layer = dialled()
    layer.on_response(response(200), 0.1)
    assert layer.on_response(response(late), 0.2) == Outcome()


def test_a_cancelled_invite_ends_with_its_487() -> None:
    layer = dialled()
    layer.on_response(response(180), 0.1)
    (cancel,) = layer.request(CANCEL, PHONE, 5.0).sends
    assert as_request(cancel.data).via.branch == OURS.via.branch
    assert news(layer.on_response(response_to(CANCEL, 200), 5.1)) == [200]
    assert news(layer.on_response(response(487), 5.2)) == [487]


def test_a_cancelled_invite_that_stays_silent_is_given_up() -> None:
    layer = dialled()
    layer.on_response(response(180), 0.1)
    layer.request(CANCEL, PHONE, 5.0)
    layer.on_response(response(180), 5.1)
    failed = [e for e in layer.on_timer(37.0).events if isinstance(e, Failed)]
    assert {event.key.method for event in failed} == {"INVITE", "CANCEL"}


def test_an_ack_is_sent_once_and_forgotten() -> None:
    layer = TransactionLayer()
    ack = Request("ACK", OURS.uri, OURS.headers.having("CSeq", "1 ACK"))
    (sent,) = layer.request(ack, PHONE, 0.0).sends
    assert sent.data == bytes(ack)
    assert (len(layer), layer.deadline_s) == (0, None)
