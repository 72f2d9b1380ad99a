"""What a parser says about input that it cannot use.

Everything on these wires is written by strangers. Each parser promises to raise its one class
from here for any input whatever, so that a socket reader needs one `except` to stay alive.
Texts name the rule that was broken and never quote the input: it may hold a caller's data.
"""


class Malformed(ValueError):  # noqa: N818 - the family of the three below, named alike
    """Bytes or text from outside that break the rules of their format."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedPacket(Malformed):
    """An RTP packet or telephone-event payload to be dropped and counted."""


class MalformedMessage(Malformed):
    """A SIP message or header: drop it, or answer 400 with the reason if a Via is readable."""


class MalformedSdp(Malformed):
    """A session description: answer 400 with the reason."""
