"""When the caller can hear: nothing is said before."""

import asyncio

from tests.agent.transport.test_transport import Call, turn_loop


async def test_agent_waits_for_the_phone_to_be_picked_up() -> None:
    call = Call()
    transport = await call.open(status="ringing")
    waiting = asyncio.ensure_future(transport.wait_until_answered())
    call.server.tells_status("somebody-else", "active")
    await turn_loop()
    assert not waiting.done()
    call.server.tells_status("sip_1", "active")
    await asyncio.wait_for(waiting, 1)


async def test_a_caller_who_is_there_is_not_waited_for() -> None:
    call = Call()
    transport = await call.open(status="active")
    await asyncio.wait_for(transport.wait_until_answered(), 1)


async def test_a_caller_without_a_status_is_there_once_it_listens() -> None:
    call = Call()
    transport = await call.open(status="")
    waiting = asyncio.ensure_future(transport.wait_until_answered())
    await turn_loop()
    assert not waiting.done()
    call.server.is_heard()
    await asyncio.wait_for(waiting, 1)


async def test_a_bridge_that_listens_while_it_rings_is_waited_for() -> None:
    call = Call()
    transport = await call.open(status="ringing")
    waiting = asyncio.ensure_future(transport.wait_until_answered())
    call.server.is_heard()
    await turn_loop()
    assert not waiting.done()
    call.server.tells_status("sip_1", "active")
    await asyncio.wait_for(waiting, 1)


async def test_a_caller_who_gives_up_while_it_rings_ends_the_wait() -> None:
    call = Call()
    transport = await call.open(status="ringing")
    call.server.leaves("sip_1")
    await asyncio.wait_for(transport.wait_until_answered(), 1)
