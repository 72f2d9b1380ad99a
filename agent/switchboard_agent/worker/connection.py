"""The worker's WebSocket to LiveKit: moves bytes for `WorkerProtocol`, reconnects for ever.

Calls do not depend on it: they run in rooms of their own. While it is away the worker only takes
no new ones.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import aiohttp
from livekit.api import AccessToken, VideoGrants

from switchboard_agent.worker.backoff import Backoff
from switchboard_agent.worker.events import Failed, Registered, WorkerEvent, WorkerProtocolError
from switchboard_agent.worker.protocol import Registration, State, WorkerProtocol, WorkerStatus

CONNECT_SECONDS: Final = 10.0
TOKEN_LIFETIME: Final = timedelta(hours=1)
HTTP_UNAUTHORIZED: Final = 401

_log = logging.getLogger(__name__)


class ConnectionClosedError(Exception):
    """The WebSocket ended."""


class WorkerConnection:
    """A registered worker, as long as `run` runs."""

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        api_secret: str,
        registration: Registration,
        on_event: Callable[[WorkerEvent], None],
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url.rstrip("/") + "/agent"
        self._api_key = api_key
        self._api_secret = api_secret
        self._registration = registration
        self._on_event = on_event
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._status = WorkerStatus()
        self._protocol = WorkerProtocol(registration, self._status)
        self._wake = asyncio.Event()

    @property
    def registered(self) -> bool:
        """Whether the server may offer jobs right now."""
        return self._protocol.state is State.REGISTERED

    @property
    def hears_server(self) -> bool:
        """Whether the server can be reached this moment."""
        return self._protocol.hears(self._clock())

    async def run(self) -> None:
        """Stay connected until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    await self._serve_one(session)
                except (ConnectionClosedError, aiohttp.ClientError, OSError, TimeoutError) as error:
                    _log.warning("no connection to LiveKit: %s", _explain(error))
                except WorkerProtocolError as error:
                    _log.error("worker protocol broken: %s", error)
                except Exception:  # noqa: BLE001 live calls must not end for a fault in here
                    _log.exception("the worker connection failed")
                finally:
                    self._emit(self._protocol.connection_lost())
                await asyncio.sleep(self._backoff.next_seconds())

    async def _serve_one(self, session: aiohttp.ClientSession) -> None:
        """One connection from its beginning to its end."""
        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await session.ws_connect(
                self._url, headers={"Authorization": f"Bearer {self._token()}"}
            )
        async with socket:
            self._protocol = WorkerProtocol(self._registration, self._status)
            self._protocol.start(self._clock())
            self._wake.set()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._read(socket))
                    tasks.create_task(self._write(socket))
            except* (ConnectionClosedError, WorkerProtocolError, OSError) as group:
                raise _first(group) from None

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                raise WorkerProtocolError(
                    f"the server sent a {message.type.name} message", "binary ones were expected"
                )
            self._emit(self._protocol.receive(message.data, self._clock()))
            self._wake.set()
        raise ConnectionClosedError(f"closed by the server (code {socket.close_code})")

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Send what is ready; tick when something is due."""
        while True:
            for data in self._protocol.data_to_send():
                await socket.send_bytes(data)
            self._wake.clear()
            deadline = self._protocol.deadline
            delay = None if deadline is None else max(0.0, deadline - self._clock())
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            except TimeoutError:
                self._emit(self._protocol.tick(self._clock()))

    def _emit(self, events: list[WorkerEvent]) -> None:
        for event in events:
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Registered):
                self._backoff.reset()
            self._on_event(event)

    def _token(self) -> str:
        return (
            AccessToken(self._api_key, self._api_secret)
            .with_identity("agent")
            .with_ttl(TOKEN_LIFETIME)
            .with_grants(VideoGrants(agent=True))
            .to_jwt()
        )

    # --- what the worker says ---------------------------------------------------------------

    def accept(self, job_id: str, identity: str) -> bool:
        """Take an offered job. False if the offer is not open any more."""
        accepted = self._protocol.accept(job_id, identity, self._clock())
        self._wake.set()
        return accepted

    def decline(self, job_id: str, *, for_all: bool) -> None:
        """Do not take an offered job."""
        self._protocol.decline(job_id, for_all=for_all)
        self._wake.set()

    def job_running(self, job_id: str) -> None:
        """The job has started."""
        self._protocol.job_running(job_id)
        self._wake.set()

    def job_ended(self, job_id: str, error: str = "") -> None:
        """The job is over."""
        self._protocol.job_ended(job_id, error)
        self._wake.set()

    def set_status(self, status: WorkerStatus) -> None:
        """The worker's load changed."""
        self._status = status
        self._protocol.set_status(status, self._clock())
        self._wake.set()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The fault that ended the connection; the second is only its echo."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _explain(error: Exception) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError) and error.status == HTTP_UNAUTHORIZED:
        return "refused (401); check SWITCHBOARD_LIVEKIT_API_KEY and _SECRET against the server's"
    return str(error) or type(error).__name__
