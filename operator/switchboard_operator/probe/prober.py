"""The loop that tries agents out, and what it knows of each.

Reconciles call `watch` with what may be tried out and `pause` with what may not; both return at
once. News wakes the agent's key, and its next reconcile writes it. A new process begins with what
the status tells and spreads the first probes over the interval, so that a restart is no storm.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.crd.last_probe import LastProbe, ProbeResult
from switchboard_operator.directory import Key
from switchboard_operator.errors import OperatorError
from switchboard_operator.probe.attempt import Found, Target, attempt
from switchboard_operator.probe.budget import Budget
from switchboard_operator.probe.rooms import ProbeRooms
from switchboard_operator.probe.schedule import Schedule
from switchboard_operator.probe.tally import Tally
from switchboard_operator.probe.verdict import Verdict, judge, unasked

SETTLE_SECONDS = 1.0
"""From a change until it is tried out: rule and revision reach LiveKit and the workers first."""
APART_SECONDS = 0.1
REST_SECONDS = 2.0
_EARLIEST = 0.8
"""Share of the interval after which the next probe may come; the rest is jitter."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Agent:
    """What is known of an agent that is watched."""

    target: Target
    last: LastProbe | None
    verdict: Verdict | None = None


@dataclass(slots=True)
class Prober:
    """Tries agents out while `run` runs."""

    rooms: ProbeRooms
    at_once: int
    timeout_seconds: float
    wake: Callable[[Key], None]
    now: Callable[[], str]
    """The time as RFC 3339, for the status."""
    tally: Tally
    budget: Budget[Key]
    jitter: Callable[[], float] = random.random
    _schedule: Schedule[Key] = field(init=False)
    _agents: dict[Key, _Agent] = field(default_factory=dict)
    _paused: set[Key] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._schedule = Schedule(
            at_once=self.at_once, apart_seconds=APART_SECONDS, rest_seconds=REST_SECONDS
        )

    # --- what reconciles ask ----------------------------------------------------------------

    def watch(self, key: Key, target: Target, last: LastProbe | None) -> LastProbe | None:
        """Keep trying an agent out; return what is known of it. `last` is what its status tells."""
        agent = self._agents.get(key)
        if agent is None:
            agent = self._agents[key] = _Agent(target, last)
            self._begin(key, agent)
            return last
        rollout = target.rollout or agent.target.rollout
        was, agent.target = agent.target, replace(target, rollout=rollout)
        if (was.dispatch, was.pool, was.rollout) != (target.dispatch, target.pool, rollout):
            agent.verdict = None
            self._soon(key)
        elif target.interval_seconds < was.interval_seconds:
            self._schedule.hurry(key, self._time() + self._spread(target.interval_seconds))
            self._changed.set()
        return agent.last

    def pause(self, key: Key) -> None:
        """Stop trying an agent out; once it is watched again, that is a change."""
        self._agents.pop(key, None)
        self._schedule.drop(key)
        self._paused.add(key)

    def forget(self, key: Key) -> None:
        """Let go of an agent that is gone or does not want to be tried out."""
        agent = self._agents.pop(key, None)
        self._schedule.drop(key)
        self._paused.discard(key)
        self.budget.forget(key)
        if agent is not None:
            self.tally.forget(agent.target)

    # --- the loop ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Try out whoever is due, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._try(await self._next()))

    async def _next(self) -> Key:
        while (key := self._schedule.take(self._time())) is None:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._schedule.wait(self._time())):
                    await self._changed.wait()
        return key

    async def _try(self, key: Key) -> None:
        agent = self._agents.get(key)
        try:
            if agent is not None:
                target = agent.target
                self._note(key, target, await self._attempt(key, target, agent.last))
        finally:
            self._schedule.finish(key, self._time())
            self._changed.set()

    async def _attempt(self, key: Key, target: Target, last: LastProbe | None) -> Found | None:
        """Return what was found; None if LiveKit could not be asked, or nothing would be learned.

        Where the models may not be asked any more, an agent in trouble is not tried out: it would
        seem to be well again.
        """
        began = self._time()
        if not self.budget.allows(key, began):
            if last is not None and last.result is not ProbeResult.ANSWERED:
                return None
            target = replace(target, dispatch=_without_models(target.dispatch))
        try:
            found = await attempt(self.rooms, target, self.timeout_seconds)
        except OperatorError as error:
            _log.warning("probe not made: %s", error, extra={"voice_agent": str(key)})
            found = None
        except Exception:  # noqa: BLE001  one agent must not stop the others
            _log.exception("probe broke off", extra={"voice_agent": str(key)})
            found = None
        self.budget.spend(key, found.questions if found else 0, began)
        if key in self._agents:
            self.tally.count(target, found, self._time() - began)
        return found

    def _note(self, key: Key, target: Target, found: Found | None) -> None:
        agent = self._agents.get(key)
        if agent is None or agent.target.dispatch != target.dispatch:
            return  # it changed meanwhile, and is due again for that
        if found is None:
            verdict = unasked(agent.verdict, agent.last, target)
        else:
            verdict = judge(agent.verdict, agent.last, target, found, self.now())
        agent.verdict = verdict
        self._schedule.hurry(key, self._time() + self._spread(verdict.retry_seconds))
        if verdict.last is not agent.last:
            agent.last = verdict.last
            self.wake(key)
            fields = asdict(found) if found else {}
            _log.info("probe has news", extra={"voice_agent": str(key)} | fields)

    def _begin(self, key: Key, agent: _Agent) -> None:
        last, target = agent.last, agent.target
        if key in self._paused or last is None or last.revision != target.revision:
            self._paused.discard(key)
            self._soon(key)
            return
        # Known from before this process: anywhere in the interval, or soon if it was in trouble.
        answered = last.result is ProbeResult.ANSWERED
        within = target.interval_seconds if answered else min(30.0, target.interval_seconds)
        self._schedule.put(key, self._time() + within * self.jitter())
        self._changed.set()

    def _soon(self, key: Key) -> None:
        self._schedule.put(key, self._time() + SETTLE_SECONDS * (1 + self.jitter()))
        self._changed.set()

    def _spread(self, seconds: float) -> float:
        return seconds * (_EARLIEST + (1 - _EARLIEST) * self.jitter())

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()


def _without_models(dispatch: str) -> str:
    """Return the dispatch of a probe that asks no language model."""
    asked = DispatchMetadata.model_validate_json(dispatch)
    spared = asked.model_copy(update={"ask_models": False})
    return spared.model_dump_json(by_alias=True, exclude_defaults=True)
