"""A reply's clauses become its audio: synthesised side by side, heard in order.

At most two clauses that the caller has not begun to hear are in the making or lie ready. So the
time to a synthesiser's first sample passes while an earlier clause is heard, and an interruption
wastes little. The clause whose turn it is goes straight to playback; audio of a later one is held.

A clause that fails is tried once more where that costs the caller no silence. What was made of it
and not yet heard is taken back, so mostly nobody notices. A clause that fails for good ends the
reply behind what was made before it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from switchboard_agent.audio.playback import Playback
from switchboard_agent.audio.spoken import SpokenText
from switchboard_agent.dialog.base import Parts, Reply
from switchboard_agent.speech_failure import GarbageError, SpeechFailure, failure_of
from switchboard_agent.transport.base import SAMPLE_RATE_HZ, Pcm
from switchboard_agent.tts.checked import close, next_audio

_AHEAD: Final = 2
"""Clauses not yet begun to be heard that are worked on."""
_PATIENCE_SECONDS: Final = 1.0
"""Silence of a synthesiser, before its first audio or when all that lies ready is played, that is a
failure. Slow services begin after 0.3 s; with it a caller hears something 1.5 s after his turn."""
_PATIENCE_SAMPLES: Final = round(_PATIENCE_SECONDS * SAMPLE_RATE_HZ)
_MOST_SECONDS: Final = 10.0
_MOST_SECONDS_PER_LETTER: Final = 0.5
"""Longer audio, several times that of the slowest speech, has nothing to do with the text."""


class SynthesisError(Exception):
    """The synthesiser failed on a clause for good; its reply has ended before it."""


@dataclass(slots=True, eq=False)
class _Clause:
    text: str
    held: list[Pcm] = field(default_factory=list)
    """Audio that waits for its turn."""
    made: int = 0
    """Samples so far, of the present try."""
    tried_before: bool = False
    complete: bool = False
    patience: asyncio.Timeout | None = None
    """Runs while audio is awaited, from its turn on: until then nobody misses it."""
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once all clauses before it are complete."""


class ReplyAudio:
    """One reply on its way from text to frames."""

    def __init__(
        self,
        synthesize: Callable[[str], AsyncIterator[Pcm]],
        on_audio: Callable[[], None],
        on_failure: Callable[[SpeechFailure, Exception], None],
        close: Callable[[AsyncIterator[Pcm]], Awaitable[None]] = close,
    ) -> None:
        """`on_audio` is called when more can be played, `on_failure` on each failed try.

        `close` ends a synthesis, in bounded time.
        """
        self._end_synthesis = close
        self._synthesize = synthesize
        self._on_audio = on_audio
        self._on_failure = on_failure
        self._line: deque[_Clause] = deque()
        self._unheard: deque[int] = deque()
        """Where clauses begin that are in playback and have not begun to be heard."""
        self._room = asyncio.Semaphore(_AHEAD)
        self.playback = Playback()
        self.spoken = SpokenText()
        self.end_call = False
        """Whether the call ends with it, as far as that is known."""
        self.transfer = False
        """Whether the caller is put through after it, as far as that is known."""
        self.keys = ""
        """Telephone keys that are pressed after it, as far as they are known."""

    async def say(self, reply: Reply) -> None:
        """Add a reply's audio; returns when all of it is queued.

        Raises `SynthesisError`, or what the dialog raises after what it gave is queued.
        """
        try:
            if reply.more is None:
                await self._say_one(reply)
            else:
                await self._say_all(reply, reply.more)
        except SynthesisError:
            self._break_off()
            raise
        self.playback.complete = True
        self._on_audio()

    def next_frame(self) -> Pcm | None:
        """The frame that is due now; None at an underrun and at the end."""
        frame = self.playback.next_frame()
        while self._unheard and self.playback.played > self._unheard[0]:
            self._unheard.popleft()
            self._room.release()
        return frame

    async def _say_one(self, reply: Reply) -> None:
        clause = await self._take(reply)
        if clause is not None:
            await self._make(clause)

    async def _say_all(self, first: Reply, more: Parts) -> None:
        broken: Exception | None = None
        more.heard_for(self._ready_seconds)
        try:
            async with asyncio.TaskGroup() as making:
                try:
                    await self._start(first, making)
                    async for part in more:
                        await self._start(part, making)
                except Exception as error:  # noqa: BLE001 - what was read before it is said
                    broken = error
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            await more.aclose()
        if broken is not None:
            raise broken

    def _ready_seconds(self) -> float:
        """How long what lies ready will be heard."""
        return self.playback.queued / SAMPLE_RATE_HZ

    async def _start(self, part: Reply, making: asyncio.TaskGroup) -> None:
        clause = await self._take(part)
        if clause is not None:
            making.create_task(self._make(clause))

    async def _take(self, part: Reply) -> _Clause | None:
        """Put a part's clause in line, once there is room; None if it has no words."""
        self.end_call = self.end_call or part.end_call
        self.transfer = self.transfer or part.transfer
        self.keys = part.keys or self.keys
        if not part.text:
            return None
        self.spoken.add(part.text)
        await self._room.acquire()
        clause = _Clause(part.text)
        self._line.append(clause)
        if self._line[0] is clause:
            self.playback.may_pause = self.playback.may_pause and not self.playback.queued
            self._begin(clause)
        return clause

    async def _make(self, clause: _Clause) -> None:
        """Synthesise a clause, at the second try if need be."""
        while not clause.complete:
            try:
                await self._try(clause)
            except Exception as error:
                self._on_failure(failure_of(error, begun=clause.made > 0), error)
                if clause.tried_before or not self._time_for_another_try(error):
                    clause.held.clear()
                    await clause.turn.wait()
                    raise SynthesisError from error
                self._begin_again(clause)

    def _time_for_another_try(self, error: Exception) -> bool:
        """Whether another silence as long would not be heard; to fail at once costs no time."""
        return not isinstance(error, TimeoutError) or self.playback.queued >= _PATIENCE_SAMPLES

    async def _try(self, clause: _Clause) -> None:
        chunks = self._synthesize(clause.text)
        most = _MOST_SECONDS + _MOST_SECONDS_PER_LETTER * len(clause.text)
        try:
            while (chunk := await self._next(clause, chunks)) is not None:
                self._push(clause, chunk)
                if clause.made > most * SAMPLE_RATE_HZ:
                    raise GarbageError("audio without end")
            if not clause.made and any(map(str.isalnum, clause.text)):
                raise GarbageError("words without audio")
            self._complete(clause)
        finally:
            await self._close(chunks)

    async def _next(self, clause: _Clause, chunks: AsyncIterator[Pcm]) -> Pcm | None:
        try:
            async with asyncio.timeout(None) as clause.patience:
                self._lose_patience(clause)
                return await next_audio(chunks)
        finally:
            clause.patience = None

    def _lose_patience(self, clause: _Clause) -> None:
        """Let the clause whose turn it is fail if its audio comes too late.

        What lies ready is waited for, unless it lasts long enough for another try.
        """
        if clause.patience is None or self._line[0] is not clause:
            return
        begins = not clause.made and not clause.tried_before
        seconds = _PATIENCE_SECONDS
        if not begins or self.playback.queued < 2 * _PATIENCE_SAMPLES:
            seconds += self._ready_seconds()
        clause.patience.reschedule(asyncio.get_running_loop().time() + seconds)

    async def _close(self, chunks: AsyncIterator[Pcm]) -> None:
        try:
            await self._end_synthesis(chunks)
        except Exception as error:  # noqa: BLE001 - its audio is there or has failed already
            self._on_failure(failure_of(error, begun=False), error)

    def _push(self, clause: _Clause, chunk: Pcm) -> None:
        clause.made += len(chunk)
        if self._line[0] is clause:
            self.playback.push(chunk)
            self._on_audio()
        else:
            clause.held.append(chunk)

    def _complete(self, clause: _Clause) -> None:
        clause.complete = True
        while self._line and self._line[0].complete:
            self._line.popleft()
            self._end()
            if self._line:
                self._begin(self._line[0])
            self._on_audio()

    def _begin(self, clause: _Clause) -> None:
        """Its turn has come."""
        self.spoken.begin(self.playback.total)
        self._unheard.append(self.playback.total)
        clause.turn.set()
        for chunk in clause.held:
            self.playback.push(chunk)
        clause.held.clear()
        self._lose_patience(clause)

    def _end(self) -> None:
        """The clause whose turn it was is complete."""
        self.spoken.end(self.playback.total)
        self.playback.may_pause = not self._line
        if self._unheard and self._unheard[-1] == self.playback.total:
            self._unheard.pop()
            self._room.release()

    def _begin_again(self, clause: _Clause) -> None:
        clause.held.clear()
        if self._line[0] is clause and clause.made and not self._take_back():
            self.spoken.begin_again(self.playback.total)
        clause.made = 0
        clause.tried_before = True

    def _take_back(self) -> bool:
        """Drop what was made of the clause whose turn it is, if nobody has begun to hear it."""
        if not self._unheard:
            return False
        self.playback.take_back(self.playback.total - self._unheard[-1])
        return True

    def _break_off(self) -> None:
        self.keys = ""
        self._take_back()
        self.spoken.break_off(self.playback.total)
        self.playback.may_pause = True
        self._line.clear()
        self._unheard.clear()
        self._room = asyncio.Semaphore(_AHEAD)
