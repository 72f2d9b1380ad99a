"""Language models in order: the next one is asked when one does not begin to speak in time.

A model that accepts the connection and says nothing has failed like one that refuses it: what
counts is the time to its first text. The last model that may be asked has all the time that is
left, so that a slow answer is not thrown away for nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from switchboard_agent.llm.base import (
    Failure,
    LanguageModel,
    LanguageModelError,
    Message,
    TextStream,
)
from switchboard_agent.llm.breaker import Breaker, Permit
from switchboard_agent.llm.meter import Meter
from switchboard_agent.open_streams import OpenStreams
from switchboard_contract.call_events import ProviderFault, ProviderPart

_log = logging.getLogger(__name__)

_STALL_SECONDS: Final = 1.2
"""Silence in the middle of an answer after which it has broken off, once the caller has heard what
there is of it: with a synthesiser's 0.3 s, the caller hears something within 1.5 s."""
_NOT_ITS_FAULT: Final = frozenset({Failure.REFUSED})
"""Failures that say nothing about the next question."""


OnFailure = Callable[[str, ProviderFault], None]
"""Told the name of a model that failed or was passed over, and how."""


class NoAnswerError(Exception):
    """No model of the chain began to answer in time."""


@dataclass(frozen=True, slots=True)
class Link:
    """One model of an agent's chain."""

    name: str
    model: LanguageModel
    breaker: Breaker
    patience_seconds: float
    """Wait for its first text while others could be asked."""
    meter: Meter


class LlmChain:
    """The models of one agent."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = tuple(links)
        self.on_failure: OnFailure = lambda _provider, _fault: None
        """Set by the call that asks, like `streams`."""
        self.streams = OpenStreams()

    async def ask(self, messages: Sequence[Message], due: float, first: int = 0) -> "Answer":
        """The first answer that begins before `due` (loop time), from link `first` on.

        Raises `NoAnswerError`.
        """
        loop = asyncio.get_running_loop()
        for position in range(first, len(self._links)):
            link, now = self._links[position], loop.time()
            if now >= due:
                break
            permit = link.breaker.enter(now)
            if permit is None:
                link.meter.skipped()
                self.on_failure(link.name, ProviderFault.SKIPPED)
                continue
            others = any(other.breaker.ready(now) for other in self._links[position + 1 :])
            until = min(due, now + link.patience_seconds) if others else due
            attempt = _Attempt(link, permit, position, self.on_failure, self.streams)
            try:
                answer = await attempt.begin(messages, until)
            except LanguageModelError as error:
                attempt.failed(error)
            else:
                if not others:
                    answer.patience = lambda: due - loop.time()
                return answer
        raise NoAnswerError

    async def try_each(self, messages: Sequence[Message], due: float) -> "list[Trial]":
        """Ask every model by itself, all at once, whoever of them a call would ask."""
        tries = (self._try(position, messages, due) for position in range(len(self._links)))
        return list(await asyncio.gather(*tries))

    async def _try(self, position: int, messages: Sequence[Message], due: float) -> "Trial":
        link = self._links[position]
        permit = link.breaker.enter(asyncio.get_running_loop().time())
        if permit is None:
            link.meter.skipped()
            return Trial(link.name, "out of order", asked=False)
        attempt = _Attempt(link, permit, position, self.on_failure, self.streams)
        try:
            answer = await attempt.begin(messages, due)
        except LanguageModelError as error:
            attempt.failed(error)
            return Trial(link.name, error.failure.value)
        await answer.aclose()
        return Trial(link.name)


@dataclass(frozen=True, slots=True)
class Trial:
    """How one model answered."""

    name: str
    fault: str = ""
    """Why it did not; empty if it did."""
    asked: bool = True
    """Whether it was asked at all: one that is out of order is left to rest."""


@dataclass(slots=True)
class _Attempt:
    """One question to one model, until its first text or its failure."""

    link: Link
    permit: Permit
    position: int
    on_failure: OnFailure
    streams: OpenStreams

    async def begin(self, messages: Sequence[Message], until: float) -> "Answer":
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        stream: TextStream | None = None
        try:
            async with asyncio.timeout_at(until):
                asked = await self.link.model.ask(messages)
                stream = self.streams.opened(ProviderPart.LLM, asked)
                text = await _first_text(stream)
        except TimeoutError as error:
            await self.close(stream)
            raise LanguageModelError(Failure.SILENT) from error
        except LanguageModelError:
            await self.close(stream)
            raise
        except BaseException:
            self.link.breaker.abandoned(self.permit)
            await self.close(stream)
            raise
        self.link.breaker.succeeded()
        self.link.meter.first_text(loop.time() - asked_at)
        return Answer(self, stream, text)

    async def close(self, stream: TextStream | None) -> None:
        """End an answer; one that cannot be ended is seen to when the call is over."""
        if stream is not None:
            with suppress(Exception):
                await self.streams.close(stream)

    def failed(self, error: LanguageModelError) -> None:
        breaker, was_open = self.link.breaker, self.link.breaker.open
        if error.failure in _NOT_ITS_FAULT:
            breaker.abandoned(self.permit)
        else:
            breaker.failed(self.permit, asyncio.get_running_loop().time())
        self.link.meter.failed(error.failure)
        self.on_failure(self.link.name, ProviderFault(error.failure.value))
        fields = {"provider": self.link.name, "reason": str(error)}
        _log.warning("language model failed", extra=fields)
        if breaker.open and not was_open:
            _log.error("language model is not asked for a while", extra=fields)


Patience = Callable[[], float]
"""Seconds for which nobody misses the rest of an answer, from now on; 0 or less for none."""


class Answer:
    """Text of the model that was first to begin. A step that was cancelled can be taken again."""

    def __init__(self, attempt: _Attempt, stream: TextStream, text: str) -> None:
        self._attempt = attempt
        self._stream = stream
        self._first = text
        self._closed = False
        self.patience: Patience = lambda: 0.0
        """While it lasts, an answer that stalls has not broken off."""

    @property
    def position(self) -> int:
        """Which model of the chain it is."""
        return self._attempt.position

    def __aiter__(self) -> Self:
        """Itself."""
        return self

    async def __anext__(self) -> str:
        """Next piece of text. Raises `LanguageModelError` if the model breaks off."""
        if self._first:
            text, self._first = self._first, ""
            return text
        try:
            return await self._next()
        except TimeoutError as error:
            raise self._broken(LanguageModelError(Failure.BROKE_OFF, "stalled")) from error
        except LanguageModelError as error:
            raise self._broken(error) from error

    def give_up(self) -> None:
        """It began, but came to no words in time: that is a failure too."""
        self._attempt.failed(LanguageModelError(Failure.SILENT, "no words in time"))

    async def aclose(self) -> None:
        """End the answer, wherever it is."""
        if self._closed:
            return
        self._closed = True
        if self._stream.usage is not None:
            self._attempt.link.meter.used(self._stream.usage)
        await self._attempt.close(self._stream)

    async def _next(self) -> str:
        wait = max(_STALL_SECONDS, self.patience())
        while True:
            try:
                async with asyncio.timeout(wait):
                    return await anext(self._stream)
            except TimeoutError:
                wait = self.patience()
                if wait <= 0:
                    raise

    def _broken(self, error: LanguageModelError) -> LanguageModelError:
        self._attempt.failed(error)
        return error


async def _first_text(stream: TextStream) -> str:
    if text := await anext(stream, ""):
        return text
    raise LanguageModelError(Failure.EMPTY)
