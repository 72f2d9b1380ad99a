"""The seam to language models."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self


class Role(StrEnum):
    """Who says something in a conversation, as chat models name them."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the model counts them."""

    prompt: int
    completion: int


class Failure(StrEnum):
    """Why a language model gave no answer; a label of metrics."""

    SILENT = "silent"
    """Connected, or trying to, and no text in time."""
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    """It finds something wrong with this question; the next one may be answered."""
    SERVER_ERROR = "server_error"
    GARBAGE = "garbage"
    """Not the wire protocol."""
    BROKE_OFF = "broke_off"
    """Stopped in the middle of an answer."""
    EMPTY = "empty"
    """An answer without text."""


class LanguageModelError(Exception):
    """A language model gave no answer, or only part of one. The text holds nothing of the call."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(f"{failure}: {detail}" if detail else failure.value)
        self.failure = failure


class TextStream(Protocol):
    """An answer in the making: pieces of text that are not empty.

    A step that was cancelled can be taken again: nothing is lost by a timeout around it.
    """

    usage: Usage | None
    """Known at the end, if the model tells."""

    def __aiter__(self) -> Self:
        """Itself."""

    async def __anext__(self) -> str:
        """Next piece of text. Raises `LanguageModelError`."""

    async def aclose(self) -> None:
        """End the answer: the model stops working on it. Safe to call twice."""


class LanguageModel(Protocol):
    """One model behind one endpoint, shared by all calls of a worker."""

    async def ask(self, messages: Sequence[Message]) -> TextStream:
        """Put a conversation whose last entry is to be answered. Raises `LanguageModelError`."""
