"""Chunks of a streamed chat completion, read: JSON in, text and token counts out."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from switchboard_agent.llm.base import Failure, LanguageModelError, Message, Usage

DONE: Final = b"[DONE]"
"""Last event of an answer."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one event says."""

    text: str = ""
    finished: bool = False
    """The model has come to the end of its answer."""
    usage: Usage | None = None


def request(
    model: str, messages: list[Message], *, temperature: float, max_tokens: int
) -> dict[str, Any]:
    """Body of a question."""
    return {
        "model": model,
        "messages": [{"role": m.role.value, "content": m.content} for m in messages],
        "temperature": temperature,
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def read(data: bytes) -> Chunk:
    """One event that is not `DONE`. Raises `LanguageModelError`."""
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise LanguageModelError(Failure.GARBAGE, "an event is not JSON") from error
    if not isinstance(body, dict):
        raise LanguageModelError(Failure.GARBAGE, "an event is no object")
    if body.get("error") is not None or body.get("object") == "error":
        raise LanguageModelError(Failure.SERVER_ERROR, "an error instead of text")
    try:
        return _read(body)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise LanguageModelError(Failure.GARBAGE, "an event is no chat completion") from error


def _read(body: dict[str, Any]) -> Chunk:
    usage = body.get("usage")
    counted = None
    if usage is not None:
        counted = Usage(int(usage["prompt_tokens"]), int(usage.get("completion_tokens") or 0))
    choices = body["choices"]
    if not choices:
        return Chunk(usage=counted)
    choice = choices[0]
    text = (choice.get("delta") or {}).get("content") or ""
    if not isinstance(text, str):
        raise TypeError("content is no text")
    return Chunk(text, choice.get("finish_reason") is not None, counted)
