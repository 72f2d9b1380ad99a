"""Plays the ladder of pauses through detector and turn machine, by arithmetic.

The production voice activity detector hears all rungs at once. The edges it finds, the words 100 ms
after the end of speech (or when they are asked for, if that is later) and the answers of the turn
model are told to a `TurnMachine` per rung and detector, whose decisions are noted. Replies take no
time, so a commit is the decision.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from switchboard_agent.dialog.base import Dialog
from switchboard_agent.turn import commands as cmd
from switchboard_agent.turn import events as ev
from switchboard_agent.turn.commands import ReplyKind
from switchboard_agent.turn.end_model import EndModel
from switchboard_agent.turn.machine import TurnMachine
from switchboard_agent.turn.of_agent import turn_policy
from switchboard_agent.vad.base import CONTEXT_SAMPLES, WINDOW_SAMPLES
from switchboard_agent.vad.batcher import TICK_SECONDS
from switchboard_agent.vad.segmenter import Edge, EdgeKind, Segmenter
from switchboard_agent.vad.silero import SileroVad
from switchboard_contract.agent_config import AgentConfig
from tests.bench.turns_speech import PER_MS, Rung

FINAL_MS: Final = 100
"""From the last voiced sample to the words, where they are asked for no later."""
JUDGE_MS: Final = 40
"""A judgement of the turn model, queueing included."""
_LATE_MS: Final = TICK_SECONDS * 1000
"""A window waits for the detector's tick: the worst case."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """An edge, and when the detector gave it."""

    edge: Edge
    at_ms: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one rung."""

    pause_ms: int
    cut_off: bool
    """The turn was ended in the pause inside the sentence."""
    delay_ms: float
    """Last voiced sample to the decision that the turn is over."""


def hear(rungs: Sequence[Rung]) -> list[list[Noticed]]:
    """Edges of speech in every rung, by the production detector, all rungs in one batch."""
    longest = max(len(rung.pcm) for rung in rungs)
    windows = -(-longest // WINDOW_SAMPLES)
    audio = np.zeros((len(rungs), CONTEXT_SAMPLES + windows * WINDOW_SAMPLES), dtype=np.float32)
    for row, rung in zip(audio, rungs, strict=True):
        row[CONTEXT_SAMPLES : CONTEXT_SAMPLES + len(rung.pcm)] = rung.pcm / np.float32(32768)
    vad = SileroVad()
    state = np.zeros((len(rungs), vad.state_size), dtype=np.float32)
    segmenters = [Segmenter() for _ in rungs]
    noticed: list[list[Noticed]] = [[] for _ in rungs]
    for at in range(windows):
        begin = at * WINDOW_SAMPLES
        heard = audio[:, begin : begin + CONTEXT_SAMPLES + WINDOW_SAMPLES]
        probabilities, state = vad.run(heard, state)
        for number, probability in enumerate(probabilities.tolist()):
            edge = segmenters[number].feed(probability)
            if edge is not None:
                at_ms = (begin + WINDOW_SAMPLES) / PER_MS + _LATE_MS
                noticed[number].append(Noticed(edge, at_ms))
    return noticed


@dataclass
class Judge:
    """The turn model; asked once for the same stretch of the same rung."""

    model: EndModel
    known: dict[tuple[int, int, int], float] = field(default_factory=dict)

    def __call__(self, rung: Rung, begin: int, end: int) -> float:
        key = (id(rung), begin, end)
        if key not in self.known:
            self.known[key] = self.model.finished(rung.pcm[begin:end])
        return self.known[key]


@dataclass
class _Play:
    """One rung and one machine."""

    rung: Rung
    edges: Sequence[Noticed]
    machine: TurnMachine
    judge: "Judge | None"
    turns: list[float] = field(default_factory=list)
    """When the machine took the caller's turn to be over."""
    _queue: list[tuple[float, int, ev.Event]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)
    _from_ms: float = 0.0
    _ended_ms: float = 0.0
    _now: float = 0.0

    def run(self) -> None:
        self._put(0.0, ev.CallAnswered())
        for noticed in self.edges:
            self._put(noticed.at_ms, _event(noticed.edge))
        end = len(self.rung.pcm) / PER_MS
        while True:
            due = min(self.machine.deadline_ms, self._queue[0][0] if self._queue else end)
            if due >= end:
                return
            if self._queue and self._queue[0][0] <= due:
                self._now, _, event = heapq.heappop(self._queue)
            else:
                self._now, event = due, ev.Tick()
            if isinstance(event, ev.SpeechEnded):
                self._ended_ms = event.at_ms
            for command in self.machine.handle(event, self._now):
                self._carry_out(command)

    def _put(self, at_ms: float, event: ev.Event) -> None:
        heapq.heappush(self._queue, (at_ms, next(self._order), event))

    def _carry_out(self, command: cmd.Command) -> None:
        match command:
            case cmd.StartUtterance(_, sample):
                self._from_ms = self._now if sample is None else sample / PER_MS
            case cmd.AskForFinal(utterance):
                known_ms = max(self._now, self._ended_ms + FINAL_MS)
                self._put(known_ms, ev.Final(utterance, self._words()))
            case cmd.JudgeEnd(judgement, from_sample):
                if self.judge is not None:
                    finished = self.judge(self.rung, from_sample or 0, round(self._now * PER_MS))
                    self._put(self._now + JUDGE_MS, ev.EndJudged(judgement, finished))
            case cmd.StartReply(reply):
                self._put(self._now, ev.ReplyReady(reply))
            case cmd.CommitReply(reply, _, kind):
                if kind is ReplyKind.TURN:
                    self.turns.append(self._now)
                self._put(self._now, ev.PlaybackFinished(reply))
            case _:
                pass

    def _words(self) -> str:
        said = [w.text for w in self.rung.words if self._from_ms <= w.middle_ms <= self._now]
        return " ".join(said)


def decide(
    rungs: Sequence[Rung],
    heard: Sequence[Sequence[Noticed]],
    config: AgentConfig,
    dialog: Dialog,
    judge: "Judge | None",
) -> list[Decision]:
    """What the agent's rules make of every rung."""
    decisions = []
    policy = replace(turn_policy(config, dialog, max_call_ms=3_600_000), no_input_ms=60_000)
    for rung, edges in zip(rungs, heard, strict=True):
        play = _Play(rung, edges, TurnMachine(policy), judge)
        play.run()
        cut_off = any(at < rung.second_begins_ms for at in play.turns)
        last = play.turns[-1] if play.turns else float("inf")
        decisions.append(Decision(rung.pause_ms, cut_off, last - rung.ends_ms))
    return decisions


def _event(edge: Edge) -> ev.Event:
    if edge.kind is EdgeKind.STARTED:
        return ev.SpeechStarted(edge.sample / PER_MS, edge.sample)
    return ev.SpeechEnded(edge.sample / PER_MS)
