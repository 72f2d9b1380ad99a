"""A stream that came to the wrong worker, led on to the one that serves its call.

An Ingress cannot know who serves a call, so a stream that is opened again may come anywhere. Its
ticket was checked before; the messages pass as they are, and the other worker holds them to the
rules. A worker that drains is reached so too, though no new request is led to it.
"""

import asyncio

import aiohttp
from aiohttp import web

CONNECT_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
"""A worker of the same cluster; the caller hears nothing meanwhile."""

FORWARDED = "X-Switchboard-Forwarded"
"""Header of a stream that was led on: it is not led on again."""


_SENT_CODES = frozenset(aiohttp.WSCloseCode) - {aiohttp.WSCloseCode.ABNORMAL_CLOSURE}


class ForwardError(Exception):
    """The other worker cannot be reached."""


def way_out() -> aiohttp.ClientSession:
    """Connections to other workers and to Twilio's API.

    A stream that is led on keeps one for as long as its call; of aiohttp's usual hundred none would
    be left at the hundred and first, not even to hang up. Tickets bound the number.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def forward(
    session: aiohttp.ClientSession,
    url: str,
    socket: web.WebSocketResponse,
    first: list[str],
) -> None:
    """Pass messages both ways until one side closes. Raises `ForwardError`.

    `first` are the messages that were read already.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT.total):
            other = await session.ws_connect(url, headers={FORWARDED: "1"}, max_msg_size=0)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ForwardError(f"{url} does not answer: {type(error).__name__}") from error
    async with other:
        for text in first:
            await other.send_str(text)
        ways = {
            asyncio.ensure_future(_pass(socket, other)),
            asyncio.ensure_future(_pass(other, socket)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    await socket.close(code=_passed_on(other.close_code))


def _passed_on(code: int | None) -> int:
    """Return a close code that may be sent; "none" and "broken" may not."""
    return code if code in _SENT_CODES and code is not None else aiohttp.WSCloseCode.GOING_AWAY


_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pass(source: _Socket, target: _Socket) -> None:
    async for message in source:
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        await target.send_str(message.data)
