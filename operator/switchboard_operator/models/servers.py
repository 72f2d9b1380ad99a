"""What reconciles of model servers and of VoiceAgents tell each other.

A server that cannot be made has no object to show it on, so what went wrong is kept here for the
conditions of those who wait for it. And a server that nobody uses must be looked at again when its
grace time is over, which no event announces.
"""

import asyncio
from collections.abc import Callable

from switchboard_operator.directory import Key, KeyKind, model_server_key
from switchboard_operator.models.asks import ModelAsks


class ModelServers:
    """One for each leading process."""

    def __init__(
        self, asks: ModelAsks | None = None, wake: Callable[[Key], None] = lambda _key: None
    ) -> None:
        self._asks = asks or ModelAsks()
        self._wake = wake
        self._errors: dict[str, str] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def error(self, server: str) -> str:
        """Return why a server could not be made; empty if it could."""
        return self._errors.get(server, "")

    def note(self, server: str, error: str) -> None:
        """Note how the last look at a server ended; wake who waits for it if that is news."""
        if error == self.error(server):
            return
        self._errors.pop(server, None)
        if error:
            self._errors[server] = error
        for namespace, name in self._asks.agents(server):
            self._wake(Key(KeyKind.VOICE_AGENT, namespace, name))

    def wake(self, server: str) -> None:
        """Look at a server, now."""
        self._wake(model_server_key(server))

    def wake_after(self, server: str, seconds: float) -> None:
        """Look at a server later; a time set before is replaced."""
        self.calm(server)
        loop = asyncio.get_running_loop()
        self._timers[server] = loop.call_later(seconds, self.wake, server)

    def calm(self, server: str) -> None:
        """Forget the time set for a server."""
        if timer := self._timers.pop(server, None):
            timer.cancel()

    def close(self) -> None:
        """Cancel all timers."""
        for server in list(self._timers):
            self.calm(server)
