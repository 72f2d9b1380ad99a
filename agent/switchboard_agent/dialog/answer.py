"""A language model's answer as the engine speaks it: clause by clause, while it is written.

The first clause is waited for; if it takes too long, the words that are there will do. After it,
silence is no longer the danger but losing the thread: a model that breaks off in the middle is
followed by the fallback phrase, so that the caller knows whose turn it is. What was said before
buys time: a model that stalls while the caller listens to its last clause has not broken off.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from typing_extensions import override

from switchboard_agent.dialog.base import Parts, Reply
from switchboard_agent.dialog.clauses import ClauseSplitter
from switchboard_agent.dialog.end_marker import HANG_UP, KEYS, TRANSFER, EndMarker
from switchboard_agent.llm.base import LanguageModelError, Message
from switchboard_agent.llm.chain import Answer, LlmChain, NoAnswerError, Patience

_NOT_SPOKEN = str.maketrans("", "", "*#`")
"""Marks of layout that models write though they are told not to."""


class SpokenAnswer(Parts):
    """One answer. What follows its first clause is read by iterating."""

    def __init__(
        self,
        chain: LlmChain,
        messages: Sequence[Message],
        fallback: Reply,
        marks: tuple[str, ...] = (HANG_UP,),
    ) -> None:
        """`marks` are those that the model was told of."""
        self._chain = chain
        self._messages = messages
        self._fallback = fallback
        self._marks = marks
        self._answer: Answer | None = None
        self._begin()

    def _begin(self) -> None:
        self._clauses: deque[str] = deque()
        self._splitter = ClauseSplitter()
        self._marker = EndMarker(self._marks)
        self._read_all = False
        self._told_end = False

    async def first(self, due: float) -> Reply:
        """The first words, before `due` (loop time). Raises `NoAnswerError`."""
        position = 0
        while True:
            self._answer = await self._chain.ask(self._messages, due, position)
            try:
                return await self._first_clause(self._answer, due)
            except LanguageModelError:
                position = self._answer.position + 1
                await self._answer.aclose()
                self._begin()
            except BaseException:
                await self._answer.aclose()
                raise

    @override
    def heard_for(self, seconds: Patience) -> None:
        if self._answer is not None:
            self._answer.patience = seconds

    @override
    def __aiter__(self) -> Self:
        return self

    @override
    async def __anext__(self) -> Reply:
        answer = self._answer
        if answer is None or self._told_end:
            raise StopAsyncIteration
        try:
            while not self._clauses and not self._read_all:
                await self._read(answer)
        except LanguageModelError:
            self._told_end = True
            return self._fallback
        if self._clauses:
            return self._part(self._clauses.popleft())
        self._told_end = True
        if self._marker.seen:
            return self._part("")
        raise StopAsyncIteration

    @override
    async def aclose(self) -> None:
        if self._answer is not None:
            await self._answer.aclose()

    async def _first_clause(self, answer: Answer, due: float) -> Reply:
        try:
            async with asyncio.timeout_at(due):
                while not self._clauses and not self._read_all:
                    await self._read(answer)
        except TimeoutError:
            self._take(self._splitter.words_so_far())
            if not self._clauses:
                answer.give_up()
                raise NoAnswerError from None
        text = self._clauses.popleft() if self._clauses else ""
        return self._part(text, more=self)

    def _part(self, text: str, more: Parts | None = None) -> Reply:
        """What was just taken; with the last of it comes what the mark asked for."""
        mark = self._marker.seen if self._read_all and not self._clauses else ""
        return Reply(
            text,
            end_call=mark == HANG_UP,
            transfer=mark == TRANSFER,
            keys=self._marker.keys if mark == KEYS else "",
            more=more,
        )

    async def _read(self, answer: Answer) -> None:
        """One piece of text, or the end."""
        piece = await anext(answer, None)
        if piece is None:
            self._finish(self._marker.flush())
            return
        text = self._marker.feed(piece)
        if not self._marker.seen:
            for clause in self._splitter.feed(text):
                self._take(clause)
            return
        self._finish(text)
        with suppress(LanguageModelError):  # what follows the mark is counted, not spoken
            async for _ in answer:
                pass

    def _finish(self, text: str) -> None:
        for clause in (*self._splitter.feed(text), self._splitter.flush()):
            self._take(clause)
        self._read_all = True

    def _take(self, clause: str) -> None:
        spoken = " ".join(clause.translate(_NOT_SPOKEN).split())
        if spoken:
            self._clauses.append(spoken)
