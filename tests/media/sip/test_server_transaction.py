"""Timers of RFC 3261 17.2 by arithmetic: T1 0.5 s, T2 4 s, T4 5 s."""

import pytest

from switchboard_media.sip.responses import response_to
from switchboard_media.sip.server_transaction import InviteServer, OtherServer, State
from switchboard_media.sip.transaction import Failure, Timers
from tests.media.sip.messages import INVITE, as_request, request_bytes

CALLER = ("10.0.0.2", 5062)
INVITE_REQUEST = as_request(INVITE)
RINGING = response_to(INVITE_REQUEST, 180, to_tag="t")
OK = response_to(INVITE_REQUEST, 200, to_tag="t")
BUSY = response_to(INVITE_REQUEST, 486, to_tag="t")
BYE_OK = response_to(as_request(request_bytes("BYE")), 200)


def run(server: InviteServer | OtherServer, until_s: float) -> list[tuple[float, bytes]]:
    """Follow the deadlines: when what was sent again."""
    sent = []
    while server.deadline_s is not None and server.deadline_s <= until_s:
        now_s = server.deadline_s
        data, _ = server.on_timer(now_s)
        if data is not None:
            sent.append((now_s, data))
        if server.state is State.TERMINATED:
            break
    return sent


@pytest.mark.parametrize("final", [OK, BUSY], ids=["200", "486"])
def test_a_final_response_is_repeated_at_t1_doubling_to_t2_until_given_up(final: object) -> None:
    server = InviteServer(CALLER, Timers())
    assert isinstance(final, type(OK))
    server.respond(final, 100.0)
    times = [at for at, data in run(server, 1000.0) if data == bytes(final)]
    assert times == [100.5, 101.5, 103.5, 107.5, 111.5, 115.5, 119.5, 123.5, 127.5, 131.5]
    assert server.state is State.TERMINATED


def test_a_response_nobody_acknowledges_is_a_failure() -> None:
    server = InviteServer(CALLER, Timers())
    server.respond(OK, 0.0)
    assert server.on_timer(32.0) == (None, Failure.NO_ACK)


@pytest.mark.parametrize(("final", "ends_s"), [(OK, 32.0), (BUSY, 1.0 + 5.0)], ids=["200", "486"])
def test_an_ack_stops_the_repeating_and_late_copies_are_swallowed(
    final: object, ends_s: float
) -> None:
    server = InviteServer(CALLER, Timers())
    assert isinstance(final, type(OK))
    server.respond(final, 0.0)
    assert server.on_ack(1.0)
    assert not server.on_ack(1.1)
    assert server.on_retransmission() is None
    assert server.deadline_s == ends_s
    assert server.on_timer(ends_s) == (None, None)
    assert server.state is State.TERMINATED


def test_ringing_may_last_for_ever_and_is_repeated_on_demand() -> None:
    server = InviteServer(CALLER, Timers())
    assert server.on_retransmission() is None
    assert server.respond(RINGING, 0.0) == bytes(RINGING)
    assert server.deadline_s is None
    assert server.on_retransmission() == bytes(RINGING)


def test_a_copy_of_the_invite_repeats_a_refusal_but_leaves_a_200_to_its_timer() -> None:
    refused, accepted = InviteServer(CALLER, Timers()), InviteServer(CALLER, Timers())
    refused.respond(BUSY, 0.0)
    accepted.respond(OK, 0.0)
    assert refused.on_retransmission() == bytes(BUSY)
    assert accepted.on_retransmission() is None


def test_nothing_follows_a_final_response() -> None:
    server = InviteServer(CALLER, Timers())
    server.respond(BUSY, 0.0)
    assert server.respond(OK, 0.1) is None
    assert server.respond(RINGING, 0.1) is None


def test_an_ack_before_any_final_response_changes_nothing() -> None:
    server = InviteServer(CALLER, Timers())
    server.respond(RINGING, 0.0)
    assert not server.on_ack(0.1)
    assert server.state is State.PROCEEDING


def test_a_timer_called_early_does_nothing() -> None:
    server = InviteServer(CALLER, Timers())
    assert server.on_timer(5.0) == (None, None)
    server.respond(BUSY, 10.0)
    assert server.on_timer(10.4) == (None, None)
    assert server.deadline_s == 10.5


def test_other_requests_are_answered_once_and_repeated_only_on_demand() -> None:
    server = OtherServer(CALLER, Timers())
    assert server.on_retransmission() is None
    assert server.respond(BYE_OK, 0.0) == bytes(BYE_OK)
    assert server.on_retransmission() == bytes(BYE_OK)
    assert server.respond(BYE_OK, 1.0) is None
    assert run(server, 31.9) == []
    assert server.deadline_s == 32.0
    server.on_timer(32.0)
    assert server.state is State.TERMINATED
