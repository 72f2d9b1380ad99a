"""What supervisor and keeper tell their starters: one JSON object per line on standard output."""

import json
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a line is about."""

    READY = "ready"
    """A part can be used."""
    UP = "up"
    """All parts can be used."""
    FAILED = "failed"
    """It ends, and why."""
    NOTE = "note"
    """Something worth showing."""


@dataclass(frozen=True, slots=True)
class Message:
    """One line."""

    kind: Kind
    text: str = ""
    """Name of the part, or the reason."""
    seconds: float = 0.0
    """Since the start."""

    def to_line(self) -> bytes:
        """Return the line to write."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Message | None":
        """Read a line; None where something else was printed."""
        try:
            raw = json.loads(line)
            return cls(Kind(raw["kind"]), str(raw["text"]), float(raw["seconds"]))
        except (ValueError, KeyError, TypeError):
            return None


def send(message: Message) -> None:
    """Write a line to standard output, where somebody may have stopped to read."""
    try:
        sys.stdout.buffer.write(message.to_line())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has left, as `local up` does once all is well.
        pass
