"""Keys on their way through a room: to the caller alone, as the SIP bridge writes them."""

import asyncio

import pytest

from switchboard_agent.transport.livekit import transport as module
from switchboard_agent.transport.livekit.room import RoomError
from tests.agent.transport.test_transport import Call, Notes, turn_loop


@pytest.fixture
async def call() -> Call:
    return Call()


async def test_keys_go_to_the_caller_alone_at_the_bridges_pace(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEY_SECONDS", 0.05)
    transport = await call.open()
    call.server.comes("supervisor", "standard")
    sending = asyncio.ensure_future(transport.send_key("A"))
    await turn_loop()
    key = call.server.requests[-1].publish_sip_dtmf
    assert (key.code, key.digit, list(key.destination_identities)) == (12, "a", ["sip_1"])
    call.server.answer("publish_sip_dtmf")
    await turn_loop()
    assert not sending.done()
    await asyncio.wait_for(sending, 1)


async def test_a_key_that_the_library_refuses_is_not_sent(call: Call) -> None:
    transport = await call.open()
    sending = asyncio.ensure_future(transport.send_key("1"))
    await turn_loop()
    refusal = lambda event: setattr(event.publish_sip_dtmf, "error", "not connected")  # noqa: E731
    call.server.answer("publish_sip_dtmf", refusal)
    with pytest.raises(RoomError, match="not connected"):
        await sending


async def test_nobody_is_sent_keys_who_has_left(call: Call) -> None:
    transport = await call.open()
    call.server.leaves("sip_1")
    with pytest.raises(RoomError, match="gone"):
        await transport.send_key("1")


async def test_letters_among_keys_come_as_the_bridge_writes_them(call: Call) -> None:
    transport = await call.open()
    notes = Notes()
    transport.attach(notes)
    call.server.presses("sip_1", "a")
    assert notes.seen == ["key A"]
