"""Rooms of probes that a test looks into, and providers that a test breaks."""

import asyncio
from collections.abc import Mapping

from switchboard_agent.dialog.scripted import ScriptedDialog
from switchboard_agent.probe.checks import Check, Rehearsal
from switchboard_agent.probe.desk import ProbeParts
from switchboard_agent.probe.room import ProbeRoom, ProbeTicket
from switchboard_contract.probe import ProbeReport
from tests.support.speech_fakes import ScriptedStt, ScriptedTts


class FakeProbeRoom:
    """A room that keeps what it was told."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.attributes: dict[str, str] = {}
        self.error: Exception | None = None
        self.left = False

    async def tell(self, attributes: Mapping[str, str]) -> None:
        if self.error is not None:
            raise self.error
        self.attributes |= attributes

    async def leave(self) -> None:
        self.left = True

    @property
    def report(self) -> ProbeReport | None:
        return ProbeReport.from_attributes(self.attributes)


class FakeProbes:
    """Everything that a worker's probes touch."""

    def __init__(self) -> None:
        self.stt = ScriptedStt(delay_seconds=0.0)
        self.tts = ScriptedTts()
        self.rooms: dict[str, FakeProbeRoom] = {}
        self.results: list[str] = []
        self.join_error: Exception | None = None
        self.models: dict[str, Check] = {}
        rehearsal = Rehearsal(self.stt, self.tts, ScriptedDialog, self.models)
        self.parts = ProbeParts(rehearsal, self._enter, self.results.append, "worker-0")

    async def _enter(self, ticket: ProbeTicket) -> ProbeRoom:
        if self.join_error is not None:
            raise self.join_error
        return self.rooms.setdefault(ticket.room, FakeProbeRoom())
