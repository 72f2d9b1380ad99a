"""Call events in a list: for tests and for `switchboard try`."""

from switchboard_contract.call_events import CallEvent


class MemoryRecorder:
    """Keeps every event, in order."""

    def __init__(self) -> None:
        self.events: list[CallEvent] = []

    def record(self, event: CallEvent) -> None:
        """Keep one event."""
        self.events.append(event)
