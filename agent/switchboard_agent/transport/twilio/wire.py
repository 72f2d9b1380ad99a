"""Sending on a WebSocket without waiting: frames are written to the connection as they are.

aiohttp's own `send_str` is a coroutine, and a frame of sound that is due cannot wait for one. An
unmasked text frame (RFC 6455, 5.2) is a header of two or four bytes; it is put into the
connection's buffer whole, so it cannot mix with the pings and closes that aiohttp writes. A peer
that does not read lets the buffer grow; beyond ten seconds of sound it is given up.
"""

import asyncio

import aiohttp
from aiohttp import web

MAX_BUFFER_BYTES = 128 * 1024
"""Ten seconds of sound as JSON."""

_TEXT = 0x81
"""A whole text message in one frame."""
_SHORT = 126
"""From this length on the header carries two bytes of length."""


def text_frame(message: bytes) -> bytes:
    """Return a message of up to 64 kB as a server's frame."""
    if len(message) < _SHORT:
        return bytes((_TEXT, len(message))) + message
    return bytes((_TEXT, _SHORT)) + len(message).to_bytes(2, "big") + message


class SocketWire:
    """`Wire` over aiohttp's WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        """`transport` is that of the request which became the socket."""
        self._socket = socket
        self._transport = transport

    def send(self, message: bytes) -> bool:
        """Send a message now; False if the peer does not read."""
        if self._socket.closed or self._transport.is_closing():
            return True  # whoever reads the socket says that it is gone
        if self._transport.get_write_buffer_size() > MAX_BUFFER_BYTES:
            return False
        self._transport.write(text_frame(message))
        return True

    async def close(self) -> None:
        """Close in good order."""
        await self._socket.close(code=aiohttp.WSCloseCode.OK)
