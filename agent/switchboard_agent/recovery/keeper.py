"""Keeps the worker's calls in the book and takes up those that others have lost.

One task beats, another writes snapshots; no call ever waits for either. What the book answers is
carried out here: calls that belong to others by now are let go, calls without a worker are taken
up. Once in a while the book is compared with what is really held, so that an answer that was lost
on its way costs seconds and not a call.

Redis away: calls go on, and that they would die with their worker is said once and shown by a
metric. When it is back everything is entered again.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from switchboard_agent.recovery.base import HeldCall
from switchboard_agent.recovery.book import CallBook, Claim, Page, Standing
from switchboard_agent.recovery.fence import BeatFence
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.worker.protocol import HEARING_SECONDS
from switchboard_contract.recovery import (
    BEAT_SECONDS,
    LARGEST_SNAPSHOT_BYTES,
    LEASE_MS,
    LONGEST_LEASE_MS,
)

ANSWER_SECONDS = 0.3
"""A beat that takes longer is given up: well below the lease, so one lost answer costs nothing."""

AWAY_BEATS = 3
"""Beats in a row without an answer after which Redis counts as away."""

CUT_BEATS = 5
"""Beats in a row at which LiveKit was not heard. What looks like a cut after a hiccup of this
process is none, because between two beats everything that lay in the sockets is read; and where it
is LiveKit that does not answer, the peers have said by then that they do not hear it either."""

LAGS_IN_LEASE = 25
"""A late loop lengthens the lease by so many times its lag."""

WRITE_SECONDS = 2.0

KEEP_NOW_SECONDS = 1.0
"""How long a call waits until it is kept."""

AUDIT_SECONDS = 3.0

_log = logging.getLogger(__name__)

_REDIS_FAULTS = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Hands:
    """What the keeper sets going in the worker."""

    places: Callable[[], int]
    """Calls that could be taken up now."""
    hears_livekit: Callable[[], bool]
    lag_seconds: Callable[[], float]
    """How late the event loop runs."""
    take_up: Callable[[Claim], None]
    let_go: Callable[[str], None]
    """Stop serving this job and leave the caller alone."""


@dataclass(slots=True)
class _Entry:
    call: HeldCall
    entered: bool = False
    written: str = ""
    kept: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether what is written is the call as it is now."""


class BookKeeper:
    """`CallKeeper` of a worker with Redis; works while `run` runs."""

    def __init__(self, book: CallBook, fence: BeatFence, telemetry: Telemetry) -> None:
        self._book = book
        self._fence = fence
        self._telemetry = telemetry
        self._held: dict[str, _Entry] = {}
        self._coming: set[str] = set()
        """Taken up, not served yet."""
        self._dirty: dict[str, None] = {}
        self._given: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._reached = asyncio.Event()
        self._arrives: bool | None = None
        self._missed = 0
        self._deaf = 0
        self._strange: set[str] = set()
        self._orphans_told = False

    # --- CallKeeper -------------------------------------------------------------------------

    def hold(self, call: HeldCall) -> None:
        """Enter a call in the book."""
        self._coming.discard(call.call_id)
        self._held[call.call_id] = _Entry(call)
        self.changed(call.call_id)

    def changed(self, call_id: str) -> None:
        """Write it anew, soon."""
        if call_id in self._held:
            self._held[call_id].kept.clear()
            self._dirty[call_id] = None
            self._wake.set()

    async def keep_now(self, call_id: str) -> None:
        """Write it anew and wait for that; not where Redis is away."""
        entry = self._held.get(call_id)
        if entry is None or not self._reached.is_set():
            return
        self.changed(call_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(KEEP_NOW_SECONDS):
                await entry.kept.wait()

    def give_away(self, call_id: str) -> bool:
        """Leave a call to the pool, this worker included."""
        entry = self._held.get(call_id)
        if entry is None or not entry.entered or not self._reached.is_set():
            return False
        self.release(call_id)
        self._telemetry.calls_let_go.labels(reason="lost").inc()
        self._given[call_id] = entry.call.epoch
        self._wake.set()
        return True

    def release(self, call_id: str) -> None:
        """Write no more of it."""
        self._coming.discard(call_id)
        self._held.pop(call_id, None)
        self._dirty.pop(call_id, None)

    async def put_back(self, claim: Claim) -> None:
        """Give a claimed call to the others."""
        await self._put_back(claim.call_id, claim.epoch, claim.waited_ms)

    async def _put_back(self, call_id: str, epoch: int, waited_ms: int = 0) -> None:
        """If this fails, comparing does it later."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._book.put_back(call_id, epoch, waited_ms)
        except _REDIS_FAULTS as error:
            _log.warning("a call could not be put back yet: %s", error)

    # --- work -------------------------------------------------------------------------------

    async def run(self, hands: Hands) -> None:
        """Beat, write and compare until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat_on(hands))
            tasks.create_task(self._write_on(hands))
            tasks.create_task(self._audit_on())

    async def linger(self, seconds: float) -> None:
        """The worker is drained: its last events have so long to come out."""
        await self._last_word(self._book.linger(seconds))

    async def leave(self) -> None:
        """They are out."""
        await self._last_word(self._book.leave())

    async def _last_word(self, word: Coroutine[object, object, None]) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await word
        except _REDIS_FAULTS as error:
            _log.warning("the lease in the book runs out by itself, Redis is away: %s", error)

    async def _beat_on(self, hands: Hands) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            again_at_once = await self.beat(hands)
            due = loop.time() if again_at_once else max(due + BEAT_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())

    async def beat(self, hands: Hands) -> bool:
        """Beat once and carry out the answer; whether the next beat is due at once."""
        sent_at = self._fence.now()
        self._deaf = 0 if hands.hears_livekit() else self._deaf + 1
        lease_ms = _lease_ms(hands.lag_seconds())
        page: Page | None = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                page = await self._book.beat(
                    free=hands.places(), hears_livekit=not self._deaf, lease_ms=lease_ms
                )
        except _REDIS_FAULTS as error:
            self._missed += 1
            if self._missed >= AWAY_BEATS:
                self._note(arrives=False, reason=str(error) or type(error).__name__)
            if self._fence.now() - sent_at < 2 * ANSWER_SECONDS:
                sent_at = self._fence.now()
        else:
            self._missed = 0
            self._fence.limit_seconds = lease_ms / 1000
            self._note(arrives=True)
            self._take(page, hands)
            if self._held and self._cut(lease_ms) and page.places_elsewhere:
                await self._surrender(hands)
        self._fence.confirm(sent_at)
        return page is not None and page.standing is not Standing.OK

    def _cut(self, lease_ms: int) -> bool:
        """On a crowded machine LiveKit is slow to answer as well: it gets as long as a lease."""
        unheard_seconds = HEARING_SECONDS + self._deaf * BEAT_SECONDS
        return self._deaf >= CUT_BEATS and unheard_seconds >= lease_ms / 1000

    def _take(self, page: Page, hands: Hands) -> None:
        match page.standing:
            case Standing.FENCED:
                self._let_go_of_all(hands, "fenced")
            case Standing.NEW:
                for entry in self._held.values():
                    entry.entered, entry.written = False, ""
                    self._dirty[entry.call.call_id] = None
                self._wake.set()
            case Standing.OK:
                for claim in page.claims:
                    self._coming.add(claim.call_id)
                    hands.take_up(claim)
        self._note_orphans(page.orphans)

    async def _surrender(self, hands: Hands) -> None:
        """This worker does not reach LiveKit and its peers do: the callers should not wait."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                surrendered = await self._book.surrender()
        except _REDIS_FAULTS:  # whether it was done, the next beat says
            return
        if surrendered:
            self._let_go_of_all(hands, "cut_off")

    def _let_go_of_all(self, hands: Hands, reason: str) -> None:
        entries = list(self._held.values())
        self._held.clear()
        self._dirty.clear()
        if entries:
            _log.error("%d calls are let go of: %s", len(entries), reason)
            self._telemetry.calls_let_go.labels(reason=reason).inc(len(entries))
        for entry in entries:
            hands.let_go(entry.call.job_id)

    async def _write_on(self, hands: Hands) -> None:
        while True:
            await self._wake.wait()
            await self._reached.wait()
            self._wake.clear()
            await self.flush(hands)

    async def flush(self, hands: Hands) -> None:
        """Write what has changed, as long as Redis takes it."""
        while self._given:
            await self._put_back(*self._given.popitem())
        while self._dirty and self._reached.is_set():
            call_id = next(iter(self._dirty))
            del self._dirty[call_id]
            entry = self._held.get(call_id)
            if entry is not None:
                await self._write(entry, hands)
                if call_id not in self._dirty:
                    entry.kept.set()

    async def _write(self, entry: _Entry, hands: Hands) -> None:
        call = entry.call
        text = call.describe().model_dump_json(by_alias=True)
        if len(text.encode()) > LARGEST_SNAPSHOT_BYTES:
            self._telemetry.snapshots_dropped.labels(reason="too_large").inc()
            return
        if entry.entered and text == entry.written:
            return
        entering = not entry.entered
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                ours = await self._book.keep(
                    call.call_id, call.epoch, text, entering=entering, seconds=call.keep_seconds
                )
        except _REDIS_FAULTS as error:
            self._telemetry.snapshots_dropped.labels(reason="redis").inc()
            self._note(arrives=False, reason=str(error) or type(error).__name__)
            self.changed(call.call_id)
            return
        if ours:
            entry.entered, entry.written = True, text
        elif self._held.get(call.call_id) is entry:
            _log.error("a call is let go of: another worker holds it", extra={"job": call.job_id})
            self._telemetry.calls_let_go.labels(reason="fenced").inc()
            self.release(call.call_id)
            hands.let_go(call.job_id)

    async def _audit_on(self) -> None:
        while True:
            await asyncio.sleep(AUDIT_SECONDS)
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await self.audit()
            except _REDIS_FAULTS:  # the beat says that Redis is away
                self._strange.clear()

    async def audit(self) -> None:
        """Give back what the book has under this worker's name and nobody here knows.

        Seen twice in a row, the answer in which it was handed out was lost, or its last event was.
        """
        mine = await self._book.mine()
        strange = {call for call in mine if call not in self._held and call not in self._coming}
        for call in strange & self._strange:
            await self._book.put_back(call, mine[call])
        self._strange = strange

    def _note(self, *, arrives: bool, reason: str = "") -> None:
        if arrives:
            self._reached.set()
        else:
            self._reached.clear()
        if arrives == self._arrives:
            return
        if arrives and self._arrives is not None:
            _log.warning("calls would outlive this worker again: Redis is back")
        elif not arrives:
            _log.warning("calls would die with this worker, Redis is away: %s", reason)
        self._arrives = arrives
        self._telemetry.recovery_ready.set(int(arrives))

    def _note_orphans(self, orphans: int) -> None:
        self._telemetry.orphaned_calls.set(orphans)
        if orphans and not self._orphans_told:
            _log.error("%d calls have lost their worker and nobody has a place for them", orphans)
        self._orphans_told = bool(orphans)


def _lease_ms(lag_seconds: float) -> int:
    return min(LONGEST_LEASE_MS, LEASE_MS + round(LAGS_IN_LEASE * lag_seconds * 1000))
