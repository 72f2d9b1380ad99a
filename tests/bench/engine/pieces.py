"""What single pieces of the engine cost, beside what a machine needs at least for the same work.

    python -m tests.bench.engine.pieces

Best of several rounds on one core; the table in docs/benchmarks.md comes from here. The floor of
the detector is its matrix products alone, that of a frame one copy of its samples.
"""

import sys
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import uvloop

from switchboard_agent.audio.pacer import Pacer
from switchboard_agent.audio.playback import Playback
from switchboard_agent.audio.ring import Ring
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm
from switchboard_agent.vad.base import CONTEXT_SAMPLES, WINDOW_SAMPLES, Floats
from switchboard_agent.vad.batcher import VadBatcher
from switchboard_agent.vad.segmenter import Segmenter
from switchboard_agent.vad.silero import SileroVad
from switchboard_contract.call_events import TurnHeard

_CALLS = 64
_ROUNDS = 7
_FRAMES_PER_SECOND = 50.0
_WINDOWS_PER_SECOND = 16_000 / WINDOW_SAMPLES
_MOST_SAMPLES = 3000
_FRAME: Pcm = np.zeros(FRAME_SAMPLES, dtype=np.int16)


@dataclass(frozen=True, slots=True)
class Piece:
    """One kind of work."""

    name: str
    micros: float
    floor_micros: float | None
    per_second: float
    """How often in a call that speaks half of the time."""

    @property
    def core_percent(self) -> float:
        """Of a core, per call."""
        return self.micros * self.per_second / 1e4


def micros(work: Callable[[], object], times: int = 5000) -> float:
    """Best time of one execution."""
    return min(timeit.repeat(work, number=times, repeat=_ROUNDS)) / times * 1e6


def detector() -> Piece:
    """One window of one call, in a batch of 64."""
    vad = SileroVad()
    windows = np.random.default_rng(1).standard_normal(
        (_CALLS, CONTEXT_SAMPLES + WINDOW_SAMPLES), dtype=np.float32
    )
    state: Floats = np.zeros((_CALLS, vad.state_size), np.float32)
    whole = micros(lambda: vad.run(windows, state), 100) / _CALLS
    shapes = [(4, 128, 129), (4, 128, 129), (4, 387, 128), (2, 384, 64), (1, 128, 64)]
    shapes += [(1, 64, 128), (1, 256, 512)]
    pairs = [
        (np.ones((_CALLS * rows, inner), np.float32), np.ones((inner, out), np.float32))
        for rows, inner, out in shapes
    ]
    floor = sum(micros(partial(np.matmul, a, b), 100) for a, b in pairs) / _CALLS
    return Piece("voice activity, one window", whole, floor, _WINDOWS_PER_SECOND)


def frame_in() -> Piece:
    """One frame of the caller: kept, and handed to the detector."""
    ring, room = Ring(32_000), np.zeros(FRAME_SAMPLES, np.int16)
    channel = VadBatcher(SileroVad(), None).open(lambda _: None)

    def take() -> None:
        ring.append(_FRAME)
        channel.push(_FRAME)
        if channel.end > _MOST_SAMPLES:
            channel.begin, channel.end = 0, CONTEXT_SAMPLES

    def copy() -> None:
        room[:] = _FRAME

    return Piece("a frame of the caller", micros(take), micros(copy), _FRAMES_PER_SECOND)


def frame_out() -> Piece:
    """One frame of the agent, by the pacer."""
    playback, room = Playback(), np.zeros(FRAME_SAMPLES, np.int16)

    def voice() -> bool:
        frame = playback.next_frame()
        if frame is None:
            playback.push(np.zeros(100_000 * FRAME_SAMPLES, np.int16))
        return True

    pacer = Pacer()
    for _ in range(_CALLS):
        pacer.start(partial(voice))

    def copy() -> None:
        room[:] = _FRAME

    def tick() -> None:
        for play_next in list(pacer._voices):
            play_next()

    each = micros(tick, 200) / _CALLS
    pacer.close()
    return Piece("a frame of the agent", each, micros(copy), _FRAMES_PER_SECOND / 2)


def edge() -> Piece:
    """One probability, judged."""
    segmenter = Segmenter()
    return Piece("a probability", micros(lambda: segmenter.feed(0.1)), None, _WINDOWS_PER_SECOND)


def event() -> Piece:
    """One call event, made and written as JSON."""

    def make() -> str:
        return TurnHeard(
            call_id="call-1",
            sequence=1,
            at_unix_ms=1,
            at_call_ms=1,
            turn=1,
            text="i would like to book",
            speech_ended_call_ms=1,
        ).model_dump_json(by_alias=True)

    return Piece("a call event", micros(make, 1000), None, 0.25)


def metric() -> Piece:
    """One observation of a stage's time."""
    telemetry = Telemetry()

    def observe() -> None:
        telemetry.turn_latency.labels("tenant", "ns/agent", "total").observe(0.3)

    return Piece("a metric", micros(observe, 2000), None, 0.6)


async def measured() -> list[Piece]:
    """Every piece."""
    return [detector(), frame_in(), frame_out(), edge(), event(), metric()]


def main() -> None:
    """Print the table."""
    head = ("piece", "us", "floor, us", "in a second of a call", "% of a core per call")
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|---|"]
    for one in uvloop.run(measured()):
        floor = "-" if one.floor_micros is None else f"{one.floor_micros:.2f}"
        lines.append(
            f"| {one.name} | {one.micros:.2f} | {floor} | {one.per_second:g} "
            f"| {one.core_percent:.4f} |"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
