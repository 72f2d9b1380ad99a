"""A ticket opens one room, for a moment, and says who is to answer there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from livekit.api import TokenVerifier
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration

from switchboard_agent.caller_country import caller_of, country_of
from switchboard_api.talk.ticket import LiveKitAccess, Ticket, issue

LIVEKIT = LiveKitAccess("https://livekit.example", "key", "a-secret-of-at-least-thirty-two-chars")
CONFIG = RoomConfiguration(
    metadata='{"agent":"clinic/desk"}',
    departure_timeout=2,
    agents=[RoomAgentDispatch(agent_name="clinic.desk", metadata='{"agent":"clinic/desk"}')],
)


def a_ticket() -> Ticket:
    return issue(LIVEKIT, "sb-clinic-desk", CONFIG)


def claims(ticket: Ticket) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(ticket.token, LIVEKIT.api_secret, algorithms=["HS256"])
    return found


def test_it_opens_its_own_room_and_no_other_power() -> None:
    ticket = a_ticket()
    assert claims(ticket)["video"] == {
        "roomJoin": True,
        "room": ticket.room,
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canPublishData": True,
        "canSubscribe": True,
        "canUpdateOwnMetadata": False,
    }


def test_it_names_the_agents_of_the_dispatch_rule() -> None:
    verified = TokenVerifier(LIVEKIT.api_key, LIVEKIT.api_secret).verify(a_ticket().token)
    assert verified.room_config == CONFIG


def test_it_is_no_phone() -> None:
    found = claims(a_ticket())
    assert "attributes" not in found
    assert found.get("kind", "standard") == "standard"


def test_it_lives_for_a_minute() -> None:
    life = datetime.fromtimestamp(claims(a_ticket())["exp"], UTC) - datetime.now(UTC)
    assert timedelta(seconds=50) < life <= timedelta(seconds=60)


def test_every_ticket_has_a_room_and_a_name_of_its_own() -> None:
    one, other = a_ticket(), a_ticket()
    assert one.room != other.room
    assert claims(one)["sub"] != claims(other)["sub"]


def test_its_caller_is_of_no_country() -> None:
    caller = caller_of(a_ticket().room)
    assert (caller, country_of(caller)) == ("browser", "")


def test_neither_secret_nor_token_is_shown() -> None:
    assert LIVEKIT.api_secret not in repr(LIVEKIT)
    ticket = a_ticket()
    assert ticket.token not in repr(ticket)


def test_each_side_gets_the_address_in_its_scheme() -> None:
    for url in ("https://livekit.example", "wss://livekit.example"):
        access = LiveKitAccess(url, "", "")
        assert (access.http_url, access.ws_url) == (
            "https://livekit.example",
            "wss://livekit.example",
        )
    plain = LiveKitAccess("ws://127.0.0.1:7880", "", "")
    assert (plain.http_url, plain.ws_url) == ("http://127.0.0.1:7880", "ws://127.0.0.1:7880")
