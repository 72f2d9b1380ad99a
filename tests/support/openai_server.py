"""A stand-in for a language model: the OpenAI wire protocol, with every way to fail.

    python -m tests.support.openai_server --port 8000

What it does with a question is told by the model's name, so that a VoiceAgent can choose it:
`stand-in` answers, `stand-in:429` and the other values of `Fault` fail. Tests may set a fault for
all models instead. The words it answers come from a function of the conversation.
"""

import argparse
import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

Conversation = list[dict[str, str]]
"""Messages as they came over the wire."""

_PREFIX = "stand-in:"
_FOREVER_SECONDS = 3600.0


class Fault(StrEnum):
    """Ways to fail."""

    UNAUTHORIZED = "401"
    BAD_REQUEST = "400"
    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    REDIRECT = "302"
    SILENT = "silent"
    """Takes the question and never says anything."""
    NO_TEXT = "no-text"
    """Begins a stream and sends no text."""
    SLOW = "slow"
    """Late with the first token."""
    STALLS = "stalls"
    """Says half of the answer and nothing more."""
    DIES = "dies"
    """Says half of the answer and cuts the connection."""
    ERROR_INSIDE = "error-inside"
    """An error object in the middle of the stream."""
    GARBAGE = "garbage"
    """Events that are no JSON."""
    HTML = "html"
    """A page instead of a stream."""
    EMPTY = "empty"
    """An answer without a word."""


def answer(conversation: Conversation) -> str:
    """Repeat what was said; after a goodbye, hang up."""
    said = conversation[-1]["content"].splitlines()[-1]
    if "goodbye" in said:
        return "Thank you for calling, goodbye. [hang_up]"
    return f"You said: {said}. What else can I do for you?"


@dataclass(frozen=True)
class Question:
    """One request as it came."""

    authorization: str
    body: dict[str, Any]

    @property
    def conversation(self) -> Conversation:
        """Its messages."""
        messages: Conversation = self.body["messages"]
        return messages


@dataclass
class OpenAiServer:
    """The stand-in; attributes may be changed at any time."""

    reply: Callable[[Conversation], str] = answer
    fault: Fault | None = None
    models: tuple[str, ...] = ("stand-in",)
    """What it says to serve; it takes questions for any."""
    key: str = ""
    """Bearer token that is asked for; empty for none."""
    first_token_seconds: float = 0.0
    token_seconds: float = 0.0
    pauses: Mapping[int, float] = field(default_factory=dict)
    """Seconds of silence before tokens, by their place."""
    slow_seconds: float = 5.0
    """Wait for the first token with `Fault.SLOW`."""
    questions: list[Question] = field(default_factory=list)
    answering: int = 0
    """Answers in progress."""
    broken_off: int = 0
    """Answers whose reader went away."""
    connections: set[object] = field(default_factory=set)
    """Transports that questions came over."""
    url: str = ""

    def app(self) -> web.Application:
        """The HTTP side."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/health", _health)
        return app

    @asynccontextmanager
    async def serve(self, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator["OpenAiServer"]:
        """Listen while in the context; `url` is the base URL."""
        runner = web.AppRunner(
            self.app(), access_log=None, shutdown_timeout=0.0, handler_cancellation=True
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            address = runner.addresses[0]
            self.url = f"http://{address[0]}:{address[1]}/v1"
            yield self
        finally:
            await runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        data = [{"id": model, "object": "model"} for model in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        question = Question(request.headers.get("Authorization", ""), body)
        self.questions.append(question)
        self.connections.add(request.transport)
        model = str(body["model"])
        fault = self.fault
        if fault is None and model.startswith(_PREFIX):
            fault = Fault(model.removeprefix(_PREFIX))
        if self.key and not hmac.compare_digest(question.authorization, f"Bearer {self.key}"):
            fault = Fault.UNAUTHORIZED
        if (refused := _refusal(fault)) is not None:
            return refused
        self.answering += 1
        try:
            return await self._stream(request, question, fault)
        except (asyncio.CancelledError, ConnectionError):
            self.broken_off += 1
            raise
        finally:
            self.answering -= 1

    async def _stream(
        self, request: web.Request, question: Question, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is Fault.SILENT:
            await asyncio.sleep(_FOREVER_SECONDS)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(_event(question, {"role": "assistant", "content": ""}))
        if fault is Fault.GARBAGE:
            await response.write(b"data: <oops>\n\ndata: {]\n\n")
            return response
        if fault is Fault.NO_TEXT:
            await asyncio.sleep(_FOREVER_SECONDS)
        await asyncio.sleep(self.slow_seconds if fault is Fault.SLOW else self.first_token_seconds)
        tokens = [] if fault is Fault.EMPTY else _tokens(self.reply(question.conversation))
        for number, token in enumerate(tokens):
            if number >= len(tokens) // 2 and fault in _IN_THE_MIDDLE:
                return await self._break(request, response, fault)
            if number and (seconds := self.pauses.get(number, self.token_seconds)):
                await asyncio.sleep(seconds)
            await response.write(_event(question, {"content": token}))
        await response.write(_event(question, {}, "stop"))
        await response.write(_usage(question, len(tokens)))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _break(
        self, request: web.Request, response: web.StreamResponse, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is Fault.STALLS:
            await asyncio.sleep(_FOREVER_SECONDS)
        elif fault is Fault.ERROR_INSIDE:
            await response.write(b'data: {"error": {"message": "out of memory"}}\n\n')
        elif request.transport is not None:
            request.transport.abort()
        return response


_IN_THE_MIDDLE = {Fault.STALLS, Fault.DIES, Fault.ERROR_INSIDE}


def _refusal(fault: Fault | None) -> web.Response | None:
    if fault is Fault.HTML:
        return web.Response(text="<html>Welcome to nginx</html>", content_type="text/html")
    if fault is Fault.REDIRECT:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/v1"})
    if fault is None or not fault.value.isdigit():
        return None
    error = {"error": {"message": "stand-in", "type": fault.name.lower(), "code": None}}
    return web.json_response(error, status=int(fault.value))


def _tokens(text: str) -> list[str]:
    """Pieces of the size that models make: words, with the space before them."""
    words = text.split(" ")
    return [words[0], *(f" {word}" for word in words[1:])]


def _event(question: Question, delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _data(question, {"choices": [choice]})


def _usage(question: Question, tokens: int) -> bytes:
    if not question.body.get("stream_options", {}).get("include_usage"):
        return b""
    prompt = sum(len(message["content"].split()) for message in question.conversation)
    usage = {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
    return _data(question, {"choices": [], "usage": usage})


def _data(question: Question, body: dict[str, Any]) -> bytes:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000}
    chunk["model"] = question.body["model"]
    return f"data: {json.dumps(chunk | body)}\n\n".encode()


async def _health(_: web.Request) -> web.Response:
    return web.Response()


async def _run(options: argparse.Namespace) -> None:
    server = OpenAiServer(
        first_token_seconds=options.first_token_ms / 1000, token_seconds=options.token_ms / 1000
    )
    async with server.serve(options.port, options.host):
        print(f"answering at {server.url}", flush=True)  # noqa: T201  a program for people
        await asyncio.Event().wait()


def main() -> None:
    """Answer until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--first-token-ms", type=float, default=0)
    parser.add_argument("--token-ms", type=float, default=0)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
