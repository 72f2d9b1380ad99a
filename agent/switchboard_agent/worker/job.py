"""One call from its assignment to its end."""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from switchboard_agent.admission import Admission
from switchboard_agent.recovery.base import Handover
from switchboard_agent.transport.base import CallTransport, RingingTransport
from switchboard_agent.transport.livekit.control import RoomControl, end_call
from switchboard_agent.transport.livekit.ffi import FfiError
from switchboard_agent.transport.livekit.room import RoomError
from switchboard_agent.transport.livekit.transport import CallTicket, NoCallerError
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import Outcome

_log = logging.getLogger(__name__)


class RoomTransport(CallTransport, RingingTransport, Protocol):
    """A transport that begins with a ringing phone, and that the server can take back."""

    async def wait_until_parted(self) -> None:
        """Stay with a caller who was connected with a human, until either has left."""

    def abandon(self) -> None:
        """Let go of the call without ending it for the caller."""

    def terminate(self) -> None:
        """The call is over."""


OpenTransport = Callable[[CallTicket], Awaitable[RoomTransport]]


class CallEngine(Protocol):
    """What serves a call once it has a transport."""

    async def run_call(
        self, config: AgentConfig, transport: CallTransport, handover: Handover | None = None
    ) -> Outcome:
        """Serve one call to its end."""


class CallJob:
    """Joins the room, lets the engine serve the call, makes sure that nothing is left."""

    def __init__(
        self,
        *,
        ticket: CallTicket,
        config: AgentConfig,
        engine: CallEngine,
        open_transport: OpenTransport,
        admission: Admission,
        control: RoomControl,
        handover: Handover | None = None,
    ) -> None:
        """`handover` goes on with a call that another worker began."""
        self._handover = handover
        self._ticket = ticket
        self._config = config
        self._engine = engine
        self._open_transport = open_transport
        self._admission = admission
        self._control = control
        self._transport: RoomTransport | None = None
        self._terminated = False
        self.opened = False
        """Whether the room was joined and the caller found."""

    async def run(self) -> str:
        """Serve the call; gives why it could not be served, empty if it was."""
        try:
            transport = await self._open()
        except (RoomError, FfiError, NoCallerError) as error:
            _log.warning("call not served: %s", error, extra=self._about())
            return str(error)
        except Exception:  # noqa: BLE001 one call must not harm the others
            _log.exception("call not served", extra=self._about())
            return "internal error while joining"
        self.opened = True
        try:
            outcome = await self._engine.run_call(self._config, transport, self._handover)
            await transport.wait_until_parted()
        except Exception:  # noqa: BLE001 one call must not harm the others
            _log.exception("call broke off", extra=self._about())
            return "internal error while serving"
        finally:
            await transport.hang_up()
        _log.info("call over", extra=self._about() | {"outcome": outcome})
        return ""

    def terminate(self) -> None:
        """The server says the job is over."""
        self._terminated = True
        if self._transport is not None:
            self._transport.terminate()

    def let_go(self) -> None:
        """Another worker goes on with the call."""
        self._terminated = True
        if self._transport is not None:
            self._transport.abandon()

    async def _open(self) -> RoomTransport:
        try:
            async with self._admission.joining():
                self._stop_if_terminated()
                self._transport = await self._open_transport(self._ticket)
        except BaseException:
            if self._transport is None:
                await end_call(self._control, self._ticket.room, None)
            raise
        return self._transport

    def _stop_if_terminated(self) -> None:
        if self._terminated:
            raise NoCallerError("the caller left before the room was joined")

    def _about(self) -> dict[str, object]:
        return {
            "job": self._ticket.job_id,
            "room": self._ticket.room,
            "agent": self._config.key,
            "revision": self._ticket.dispatch.revision,
        }
