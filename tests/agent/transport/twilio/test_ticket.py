"""A ticket opens one call's stream, for half a minute; only the auth token makes one."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.transport.twilio import ticket
from switchboard_agent.transport.twilio.ticket import BadTicketError, Ticket, agent_of, read, write
from switchboard_contract.call_events import Direction

TOKEN = "auth-token"
TICKET = Ticket(
    call_sid="CA" + "f" * 32,
    agent="smile-dental/reception",
    caller="+15550123",
    called="+15550100",
    worker="reception-worker-abc",
    resumes=True,
    expires_at=1000,
    nonce="n0nce",
)


def test_worker_with_the_same_auth_token_reads_it() -> None:
    assert read(write(TICKET, TOKEN), TOKEN, 999.0) == TICKET
    outbound = replace(TICKET, direction=Direction.OUTBOUND)
    assert read(write(outbound, TOKEN), TOKEN, 999.0) == outbound
    assert agent_of(write(TICKET, TOKEN)) == TICKET.agent


def test_longest_ticket_is_carried_by_twilio() -> None:
    longest = replace(
        TICKET,
        agent="n" * 63 + "/" + "a" * 40,
        worker="w" * 63,
        caller="+" + "1" * 15,
        called="+" + "1" * 15,
        nonce=ticket.new_nonce(),
        expires_at=2_000_000_000,
        direction=Direction.OUTBOUND,
    )
    assert len(ticket.PARAMETER) + len(write(longest, TOKEN)) < 500


def test_time_ends_it() -> None:
    with pytest.raises(BadTicketError, match="out of date"):
        read(write(TICKET, TOKEN), TOKEN, 1000.0)


def test_another_auth_token_does_not_open_it() -> None:
    with pytest.raises(BadTicketError, match="not sealed"):
        read(write(TICKET, TOKEN), "other", 0.0)


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    text = write(TICKET, TOKEN)
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]
    if changed != text:
        with pytest.raises(BadTicketError):
            read(changed, TOKEN, 0.0)


@given(st.text())
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadTicketError):
        read(text, TOKEN, 0.0)
    with suppress(BadTicketError):
        agent_of(text)


def test_nonces_do_not_repeat() -> None:
    assert len({ticket.new_nonce() for _ in range(1000)}) == 1000
