"""A language model behind an OpenAI-compatible endpoint: vLLM, Ollama, OpenAI and others.

The official client spends more of a core on a token stream than the whole engine on a call, so the
stream is read by a decoder of our own over aiohttp.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self

import aiohttp
import orjson
from typing_extensions import override

from switchboard_agent.llm import chat
from switchboard_agent.llm.base import (
    Failure,
    LanguageModel,
    LanguageModelError,
    Message,
    TextStream,
    Usage,
)
from switchboard_agent.llm.key_file import KeyFile
from switchboard_agent.llm.sse import SseDecoder, SseError
from switchboard_contract.agent_config import CompiledLlm

_MAX_LETTERS: Final = 64 * 1024
"""Of one answer: an hour of speech."""

_END_OF_BODY_SECONDS: Final = 0.05
"""The end of the body follows the last event at once; with it the connection can be kept."""

_BY_STATUS: Final = {
    401: Failure.UNAUTHORIZED,
    403: Failure.UNAUTHORIZED,
    429: Failure.RATE_LIMITED,
}
_OK: Final = 200
_SERVER_ERROR: Final = 500


class OpenAiCompatible(LanguageModel):
    """One model of one endpoint."""

    def __init__(self, spec: CompiledLlm, key: KeyFile | None, http: aiohttp.ClientSession) -> None:
        self._spec = spec
        self._key = key
        self._http = http
        self._url = f"{spec.base_url.rstrip('/')}/chat/completions"

    @override
    async def ask(self, messages: Sequence[Message]) -> "ChatStream":
        body = chat.request(
            self._spec.model,
            list(messages),
            temperature=self._spec.temperature,
            max_tokens=self._spec.max_tokens,
        )
        try:
            # No redirect is followed: it could carry token and conversation to another host.
            response = await self._http.post(
                self._url, data=orjson.dumps(body), headers=self._headers(), allow_redirects=False
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise LanguageModelError(Failure.UNREACHABLE, type(error).__name__) from error
        if failure := _failure_of(response):
            response.close()
            raise LanguageModelError(failure, f"status {response.status}")
        return ChatStream(response)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.token()}"
        return headers


class ChatStream(TextStream):
    """One answer."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._decoder = SseDecoder()
        self._events: deque[bytes] = deque()
        self._letters = 0
        self._finished = False
        self._over = False
        self.usage: Usage | None = None

    @override
    def __aiter__(self) -> Self:
        return self

    @override
    async def __anext__(self) -> str:
        while not self._over:
            while self._events:
                if text := self._take(self._events.popleft()):
                    return text
            if not self._over:
                await self._receive()
        raise StopAsyncIteration

    @override
    async def aclose(self) -> None:
        """Give the connection back where the answer came to its end, cut it where it did not."""
        self._events.clear()
        if self._over and not self._response.content.at_eof():
            with suppress(TimeoutError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(_END_OF_BODY_SECONDS):
                    await self._response.content.readany()
        self._over = True
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

    async def _receive(self) -> None:
        try:
            data = await self._response.content.readany()
            if data:
                self._events.extend(self._decoder.feed(data))
        except (aiohttp.ClientError, OSError) as error:
            raise LanguageModelError(Failure.BROKE_OFF, type(error).__name__) from error
        except SseError as error:
            raise LanguageModelError(Failure.GARBAGE, str(error)) from error
        if not data:
            self._over = True
            if not self._finished:
                raise LanguageModelError(Failure.BROKE_OFF, "the stream ended before the answer")

    def _take(self, event: bytes) -> str:
        if event == chat.DONE:
            self._over = True
            return ""
        chunk = chat.read(event)
        self._finished = self._finished or chunk.finished
        self.usage = chunk.usage or self.usage
        self._letters += len(chunk.text)
        if self._letters > _MAX_LETTERS:
            raise LanguageModelError(Failure.GARBAGE, "an answer without end")
        return chunk.text


def _failure_of(response: aiohttp.ClientResponse) -> Failure | None:
    status = response.status
    if status == _OK:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return None if kind == "text/event-stream" else Failure.GARBAGE
    if status >= _SERVER_ERROR:
        return Failure.SERVER_ERROR
    return _BY_STATUS.get(status, Failure.REFUSED)
