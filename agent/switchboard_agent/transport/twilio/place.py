"""A line with its secret: the addresses that Twilio is given, and what proves it is Twilio."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from switchboard_agent.secret_file import SecretFile
from switchboard_contract.line import WEBHOOK_PATH, Line

AFTER_PATH = "/twilio/after"
STREAM_PATH = "/twilio/streams"


@dataclass(frozen=True, slots=True)
class Place:
    """One line at this moment."""

    line: Line
    auth_token: str

    @classmethod
    def of(cls, line: Line) -> Self:
        """Read the line's secret. Raises `SecretFileError`."""
        return cls(line, SecretFile(Path(line.twilio.auth_token_file)).read())

    def voice_url(self, tries: int = 0) -> str:
        """Where Twilio asks about a new call."""
        return self.line.twilio.public_url + WEBHOOK_PATH + _query(tries)

    def after_url(self, tries: int) -> str:
        """Where Twilio asks when a stream has ended."""
        return self.line.twilio.public_url + AFTER_PATH + _query(tries)

    @property
    def stream_url(self) -> str:
        """Where Twilio opens a stream: the same host, and wss as Twilio demands."""
        return "wss" + self.line.twilio.public_url.removeprefix("https") + STREAM_PATH


def _query(tries: int) -> str:
    return f"?try={tries}" if tries else ""
