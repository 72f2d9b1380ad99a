"""Probe rooms in memory, with workers that a test speaks for."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from typing_extensions import override

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.probe import ProbeReport, ProbeState
from switchboard_operator.errors import LiveKitUnreachableError
from switchboard_operator.probe.budget import Budget
from switchboard_operator.probe.prober import Prober
from switchboard_operator.probe.rooms import ProbeRooms, Visitor
from switchboard_operator.probe.tally import Tally
from switchboard_operator.telemetry import Telemetry, make_telemetry
from tests.operator.samples import NOW


@dataclass
class FakeProbeRooms(ProbeRooms):
    """A LiveKit whose workers join after a while, or do not."""

    join_seconds: float = 0.3
    answer_seconds: float = 0.1
    greeting_ms: int = 120
    fault: str = ""
    questions: int = 0
    """That a worker puts to language models, where it may."""
    asked: int = 0
    absent: set[str] = field(default_factory=set)
    """Pools without a worker."""
    mute: bool = False
    """Workers join and say nothing."""
    down: bool = False
    deletes: bool = True
    opened: list[tuple[float, str]] = field(default_factory=list)
    """When a room was opened, for which agent."""
    live: dict[str, tuple[float, str, DispatchMetadata]] = field(default_factory=dict)
    most_live: int = 0
    closed: int = 0
    per_agent: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @override
    async def open(self, room: str, pool: str, dispatch: str, *, empty_seconds: int) -> int:
        self._answer()
        metadata = DispatchMetadata.model_validate_json(dispatch)
        assert metadata.probe
        assert empty_seconds > 0
        now = asyncio.get_running_loop().time()
        assert metadata.agent not in {d.agent for _, _, d in self.live.values()}
        self.live[room] = (now, pool, metadata)
        self.opened.append((now, metadata.agent))
        self.most_live = max(self.most_live, len(self.live))
        return round(now * 1000)

    @override
    async def visitors(self, room: str) -> list[Visitor]:
        self._answer()
        opened, pool, metadata = self.live[room]
        joined = opened + self.join_seconds
        now = asyncio.get_running_loop().time()
        if pool in self.absent or now < joined:
            return []
        said = not self.mute and now >= joined + self.answer_seconds
        return [Visitor(round(joined * 1000), self._report(metadata) if said else None)]

    @override
    async def close(self, room: str) -> None:
        self._answer()
        if not self.deletes:
            await asyncio.Event().wait()
        self.live.pop(room, None)
        self.closed += 1

    def _answer(self) -> None:
        if self.down:
            raise LiveKitUnreachableError("LiveKit at http://fake does not answer")

    def _report(self, metadata: DispatchMetadata) -> ProbeReport:
        state = ProbeState.FAILED if self.fault else ProbeState.ANSWERED
        questions = self.questions if metadata.ask_models else 0
        self.asked += questions
        return ProbeReport(
            state,
            metadata.revision,
            "worker-0",
            self.greeting_ms,
            self.fault,
            questions=questions,
            models_asked=metadata.ask_models,
        )


def make_prober(
    rooms: ProbeRooms,
    *,
    at_once: int = 4,
    telemetry: Telemetry | None = None,
    questions_per_hour: int = 60,
) -> tuple[Prober, list[str]]:
    """Return a prober without chance in it, and the keys that it wakes."""
    telemetry = telemetry or make_telemetry()
    woken: list[str] = []
    prober = Prober(
        rooms=rooms,
        at_once=at_once,
        timeout_seconds=10.0,
        wake=lambda key: woken.append(str(key)),
        now=lambda: NOW,
        tally=Tally(
            telemetry.probe_results,
            telemetry.probe_seconds,
            telemetry.probe_last_answer,
            clock=lambda: 1_000_000.0,
        ),
        budget=Budget(questions_per_hour),
        jitter=lambda: 0.5,
    )
    return prober, woken
