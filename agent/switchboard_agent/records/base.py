"""The seam between a call and its record."""

from typing import Protocol

from switchboard_contract.call_events import CallEvent


class CallRecorder(Protocol):
    """Takes events of calls."""

    def record(self, event: CallEvent) -> None:
        """Keep one event. Never blocks, never raises."""
