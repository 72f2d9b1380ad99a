"""Calls that livekit-server asks for: placed, found again by what comes for them, counted."""

import asyncio
import logging
import socket
from collections.abc import Callable

from switchboard_local.sip_edge.call_model import Stopping
from switchboard_local.sip_edge.dialog_side import SipSender, is_ip_address
from switchboard_local.sip_edge.outgoing_model import Fault
from switchboard_local.sip_edge.outgoing_request import (
    CannotPlaceError,
    read_request,
    response_to,
)
from switchboard_local.sip_edge.outgoing_session import OutgoingSession
from switchboard_local.sip_edge.session import EdgeParts
from switchboard_media.sip.dialog import DialogId
from switchboard_media.sip.message import Response
from switchboard_media.sip.transaction import Address, Key

_LOGGER = logging.getLogger(__name__)


class PlacedCalls:
    """All placed calls of one process."""

    def __init__(
        self, parts: EdgeParts, sender: SipSender, start: Callable[[OutgoingSession], None]
    ) -> None:
        self._parts = parts
        self._sender = sender
        self._start = start
        self._sessions: set[OutgoingSession] = set()

    def __len__(self) -> int:
        """Calls from their request to the end of their task."""
        return len(self._sessions)

    async def place(self, payload: bytes, within_s: float) -> bytes:
        """Serve a request. Raises `CannotPlaceError`."""
        wanted = read_request(payload)
        to = await _resolved(wanted.address)
        limits = self._parts.settings.limits_of_request(wanted, within_s)
        session = OutgoingSession(self._parts, self._sender, wanted, to, limits)
        self._sessions.add(session)
        self._start(session)
        return response_to(wanted, await session.placed)

    async def run(self, session: OutgoingSession) -> None:
        """Live through a call."""
        try:
            await session.run()
        except Exception:
            _LOGGER.exception("call's task failed")
        finally:
            self._sessions.discard(session)

    def stop(self) -> None:
        """End every call."""
        for session in list(self._sessions):
            session.feed(Stopping())

    def on_response(self, key: Key, response: Response) -> None:
        """Give a response to the INVITE that it answers."""
        for session in self._of_invite(key):
            session.on_response(response)

    def on_no_response(self, key: Key) -> None:
        """Note that nobody answers an INVITE."""
        for session in self._of_invite(key):
            session.on_no_response()

    def of_dialog(self, dialog: DialogId) -> OutgoingSession | None:
        """Find the call of a dialog."""
        for session in self._sessions:
            side = session.side
            if side is not None and side.dialog is not None and side.dialog.id == dialog:
                return session
        return None

    def _of_invite(self, key: Key) -> list[OutgoingSession]:
        return [s for s in self._sessions if s.side is not None and s.side.key == key]


async def _resolved(address: Address) -> Address:
    """Turn a trunk's name into an address. Raises `CannotPlaceError`."""
    host, port = address
    if is_ip_address(host):
        return address
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM
        )
    except OSError as error:
        raise CannotPlaceError(
            Fault("invalid_argument", f"the trunk's host {host!r} has no address: {error}")
        ) from error
    return str(found[0][4][0]), port
