"""The pool's book in Redis, as one worker uses it: one method for each thing that is done in it.

Every method raises Redis' errors; nothing is retried here. What the book says is in `Page`.
"""

import uuid
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from switchboard_agent.recovery import scripts
from switchboard_contract.recovery import GRACE_MS, LEASE_MS, OVERDUE_MS, STALL_MS, BookKeys

_FIXED = 4
"""Values of a beat's answer before the claims."""
_PER_CLAIM = 5


class Standing(StrEnum):
    """What the book knows of this life of the worker."""

    OK = "ok"
    NEW = "new"
    """It was not known until now, or the book has lost its data: calls must be entered again."""
    FENCED = "fenced"
    """It had not beaten in time: its calls belong to others now."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A call without a worker that is this worker's now."""

    call_id: str
    epoch: int
    waited_ms: int
    """Since it was found without a worker."""
    overdue: bool
    """Nobody had a place for it in time: it is to be ended, not served."""
    snapshot: str


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to a beat."""

    standing: Standing
    places_elsewhere: int
    """How many calls the peers could take up."""
    orphans: int
    """Calls that nobody holds."""
    claims: tuple[Claim, ...] = ()


class CallBook:
    """The book, for one worker."""

    def __init__(self, redis: "Redis", pool: str, worker: str) -> None:
        self._keys = BookKeys(pool)
        self._worker = worker
        self._generation = ""
        self.life = self._new_life()
        """Name of this worker in the book, as long as it loses no call."""
        register = redis.register_script
        self._beat = register(scripts.BEAT)
        self._surrender = register(scripts.SURRENDER)
        self._keep = register(scripts.KEEP)
        self._put_back = register(scripts.PUT_BACK)
        self._list_mine = register(scripts.MINE)
        self._leave = register(scripts.LEAVE)
        self._linger = register(scripts.LINGER)

    async def beat(self, *, free: int, hears_livekit: bool, lease_ms: int = LEASE_MS) -> Page:
        """Say that this worker lives; take up what lies there if it has places."""
        keys = self._keys
        answer = await _run(
            self._beat,
            [keys.meta, keys.workers, keys.takers, keys.owners, keys.orphans],
            [
                self.life,
                self._generation,
                max(0, free),
                int(hears_livekit),
                lease_ms,
                LEASE_MS,
                GRACE_MS,
                OVERDUE_MS,
                uuid.uuid4().hex,
                keys.prefix,
                STALL_MS,
            ],
        )
        standing = Standing(_text(answer[0]))
        self._generation = "" if standing is Standing.FENCED else _text(answer[1])
        if standing is Standing.FENCED:
            self.life = self._new_life()
        return Page(standing, int(answer[2]), int(answer[3]), _claims(answer[_FIXED:]))

    async def surrender(self) -> bool:
        """Leave all calls to the peers and begin a new life; False if no peer has a place."""
        keys = self._keys
        given = await _run(
            self._surrender,
            [keys.workers, keys.takers, keys.owners, keys.orphans],
            [self.life],
        )
        if given:
            self.life, self._generation = self._new_life(), ""
        return bool(given)

    async def keep(
        self, call_id: str, epoch: int, snapshot: str, *, entering: bool, seconds: float
    ) -> bool:
        """Write a call's snapshot; False if somebody else holds the call."""
        keys = self._keys
        return bool(
            await _run(
                self._keep,
                [keys.owners, keys.snapshot(call_id), keys.ended(call_id)],
                [call_id, self._mine(epoch), int(entering), round(seconds * 1000), snapshot],
            )
        )

    async def put_back(self, call_id: str, epoch: int, waited_ms: int = 0) -> bool:
        """Give a call to the others; False if it is not ours any more."""
        keys = self._keys
        return bool(
            await _run(
                self._put_back,
                [keys.owners, keys.orphans],
                [call_id, self._mine(epoch), waited_ms],
            )
        )

    async def mine(self) -> dict[str, int]:
        """Epochs of the calls that this worker holds, as the book has it."""
        found = await _run(self._list_mine, [self._keys.owners], [self.life])
        return {
            _text(call): int(epoch) for call, epoch in zip(found[::2], found[1::2], strict=True)
        }

    async def linger(self, seconds: float) -> None:
        """The last beat: bring out what is left in peace."""
        keys = self._keys
        await _run(self._linger, [keys.workers, keys.takers], [self.life, round(seconds * 1000)])

    async def leave(self) -> None:
        """Go for good; calls that are still in the book fall to the peers."""
        keys = self._keys
        await _run(self._leave, [keys.workers, keys.takers, keys.owners], [self.life])

    def _new_life(self) -> str:
        return f"{self._worker}/{uuid.uuid4().hex[:8]}"

    def _mine(self, epoch: int) -> str:
        return f"{epoch} {self.life}"


async def _run(script: AsyncScript, keys: list[str], args: Sequence[object]) -> Any:  # noqa: ANN401 what Redis answers
    return await cast("Awaitable[Any]", script(keys=keys, args=cast("Any", args)))


def _claims(values: Sequence[Any]) -> tuple[Claim, ...]:
    return tuple(
        Claim(_text(call), int(epoch), int(waited), bool(int(late)), _text(snapshot))
        for call, epoch, waited, late, snapshot in (
            values[i : i + _PER_CLAIM] for i in range(0, len(values), _PER_CLAIM)
        )
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
