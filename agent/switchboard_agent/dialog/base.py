"""The seam between turn-taking and what is said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, runtime_checkable

from switchboard_agent.open_streams import OpenStreams
from switchboard_contract.call_events import ProviderFault
from switchboard_contract.recovery import DialogMemory

LOST: Final = "Sorry, I lost you for a moment."
"""First words of an agent that goes on with a call of another worker."""


@dataclass(frozen=True, slots=True)
class CallerTurn:
    """What the caller said or keyed in one turn."""

    text: str
    dtmf: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent says next."""

    text: str
    end_call: bool = False
    """Hang up once it has been heard to the end."""
    transfer: bool = False
    """Put the caller through to a human once it has been heard to the end."""
    keys: str = ""
    """Telephone keys that are pressed once it has been heard to the end."""
    protected: bool = False
    """Said to its end: the caller cannot interrupt it."""
    hold: bool = False
    """The caller asked to wait and will go on by himself: leave him time."""
    more: "Parts | None" = field(default=None, compare=False, repr=False)
    """What follows `text`, while it is still being written; None if nothing does."""


class Parts(Protocol):
    """The rest of a reply, part by part; whoever stops reading closes it."""

    def heard_for(self, seconds: Callable[[], float]) -> None:
        """What tells how long the caller will still hear what was read; the rest has that long.

        Called before the first part is read.
        """

    def __aiter__(self) -> Self:
        """Itself."""

    async def __anext__(self) -> Reply:
        """The next part, as soon as it can be spoken. Its `text` may be empty."""

    async def aclose(self) -> None:
        """No more is wanted. Safe to call twice."""


class Dialog(Protocol):
    """One call's conversation.

    Only `commit` changes what it knows: a reply that was made and thrown away leaves no trace.
    """

    def greeting(self) -> Reply:
        """First words."""

    async def respond(self, turn: CallerTurn) -> Reply:
        """Answer to a turn. May be cancelled; may be called again with a longer turn."""

    def commit(self, reply: Reply) -> None:
        """The reply last made is being said: the turn counts."""

    def heard(self, text: str) -> None:
        """Words of the committed reply that the caller heard, once it has ended or was cut."""

    def keys_sent(self, keys: str) -> None:
        """Keys of the reply heard last that were pressed."""

    def no_input(self) -> Reply:
        """The caller is silent; ends the call after a number of tries."""

    def is_complete(self, text: str) -> bool:
        """Whether these words sound finished: False for a trailing "and" or half a phone number."""

    @property
    def memory(self) -> DialogMemory:
        """Everything another worker must know to go on."""

    def recall(self, memory: DialogMemory, cut: Reply) -> None:
        """Go on from a memory: the greeting then says so and asks again what was open.

        `cut` is what was not heard of the reply that was cut off, its text empty if none was, and
        what was to follow it: that follows the greeting.
        """

    @property
    def slots(self) -> Mapping[str, str]:
        """What was learned so far."""

    @property
    def result(self) -> str:
        """Name of the flow last completed; empty if none."""


@runtime_checkable
class ModelLed(Protocol):
    """A dialog that asks language models."""

    def watch_models(
        self, on_failure: Callable[[str, ProviderFault], None], streams: OpenStreams
    ) -> None:
        """Tell, from now on, which model failed and how, and which answers are open."""


def bridge(unheard: str, otherwise: str) -> str:
    """What is said after the silence: once, however often the worker was lost."""
    rest = unheard.removeprefix(LOST).strip()
    return f"{LOST} {rest or otherwise}".strip()
