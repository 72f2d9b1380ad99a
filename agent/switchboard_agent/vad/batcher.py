"""Runs one voice activity model for all calls of the process.

Frames of every call are collected in one stacked array. Each tick, the windows that are full go
through the model together, off the event loop, because a pass over a hundred calls takes longer
than a frame may be late. One model, one thread, one task: the cost per call is that of its samples.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from switchboard_agent.transport.base import Pcm
from switchboard_agent.vad.base import CONTEXT_SAMPLES, WINDOW_SAMPLES, Floats, VadModel
from switchboard_agent.vad.thread import ModelThread

TICK_SECONDS = 0.02
_CHUNK = 64
"""Windows per pass: larger ones fall out of the processor's cache."""
_INPUT = CONTEXT_SAMPLES + WINDOW_SAMPLES
_CAPACITY = CONTEXT_SAMPLES + 8 * WINDOW_SAMPLES
"""Samples of a row: a quarter of a second, what piles up while a pass is late."""
_TO_FLOAT = np.float32(1 / 32768)
_MAX_BACKLOG_FRAMES = 500
"""Ten seconds of a call beyond its row: audio that came before the call was listened to arrives all
at once. More means that the model does not keep up."""
_FIRST_ROWS = 16


class VadChannel:
    """One call's place in the batch."""

    __slots__ = ("_batcher", "audio", "backlog", "begin", "closed", "end", "on_probability", "row")

    def __init__(
        self, batcher: "VadBatcher", row: int, audio: Pcm, on_probability: Callable[[float], None]
    ) -> None:
        self._batcher = batcher
        self.row = row
        self.audio = audio
        """The row itself: samples as they came. They become numbers for the model window by window,
        all calls at once."""
        self.begin = 0
        """Where the context of the next window begins in the row."""
        self.end = CONTEXT_SAMPLES
        """Where the next sample goes; a call starts with the context of a silent past."""
        self.backlog: deque[Pcm] = deque()
        """Frames for which the row has no room yet."""
        self.on_probability = on_probability
        self.closed = False

    @property
    def has_window(self) -> bool:
        """Whether a window is full."""
        return self.end - self.begin >= _INPUT

    def push(self, frame: Pcm) -> None:
        """Take samples of the caller, in order."""
        end = self.end + len(frame)
        if end > _CAPACITY or self.backlog or self.closed:
            self._batcher.push(self, frame)
        else:
            self.audio[self.end : end] = frame
            self.end = end

    def append(self, frame: Pcm) -> None:
        """Add samples for which there is room."""
        end = self.end + len(frame)
        self.audio[self.end : end] = frame
        self.end = end

    def make_room(self, frame: Pcm) -> bool:
        """Whether the frame fits into the row; used samples are let go only when it would not."""
        if self.end + len(frame) > _CAPACITY and self.begin:
            kept = self.end - self.begin
            self.audio[:kept] = self.audio[self.begin : self.end]
            self.begin, self.end = 0, kept
        return self.end + len(frame) <= _CAPACITY

    def close(self) -> None:
        """Leave the batch. Safe to call twice."""
        self._batcher.close(self)


@dataclass(frozen=True, slots=True)
class _Step:
    """One window of each of some calls."""

    calls: list[int]
    """Their places in the list of calls that the tick serves."""
    windows: Pcm


class VadBatcher:
    """Owns the stacked audio and state of all calls; `run` is its one task."""

    def __init__(self, model: VadModel, thread: ModelThread | None) -> None:
        """Without a thread the model runs on the event loop: for virtual time."""
        self._model = model
        self._thread = thread
        self._channels: dict[int, VadChannel] = {}
        self._free = list(range(_FIRST_ROWS))
        self._audio = np.zeros((_FIRST_ROWS, _CAPACITY), dtype=np.int16)
        self._windows = sliding_window_view(self._audio, _INPUT, axis=1)
        """Every window that a row could hold, by row and first sample."""
        self._state = np.zeros((_FIRST_ROWS, model.state_size), dtype=np.float32)
        self._has_channels = asyncio.Event()
        self.samples_dropped = 0
        """Audio lost because the model did not keep up."""

    def open(self, on_probability: Callable[[float], None]) -> VadChannel:
        """Add a call; `on_probability` gets each window's result, on the event loop."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        self._audio[row, :CONTEXT_SAMPLES] = 0
        self._state[row] = 0.0
        channel = VadChannel(self, row, self._audio[row], on_probability)
        self._channels[row] = channel
        self._has_channels.set()
        return channel

    def close(self, channel: VadChannel) -> None:
        """Remove a call; its row is free for the next."""
        if channel.closed:
            return
        channel.closed = True
        del self._channels[channel.row]
        self._free.append(channel.row)
        if not self._channels:
            self._has_channels.clear()

    def push(self, channel: VadChannel, frame: Pcm) -> None:
        """Append samples that do not simply fit, behind those that wait for room."""
        if channel.closed:
            return
        if not channel.backlog and channel.make_room(frame):
            channel.append(frame)
        elif len(channel.backlog) < _MAX_BACKLOG_FRAMES:
            channel.backlog.append(frame)
        else:
            self.samples_dropped += len(frame)

    async def run(self) -> None:
        """Tick for ever, on absolute deadlines, while there are calls."""
        loop = asyncio.get_running_loop()
        while True:
            await self._has_channels.wait()
            due = loop.time() + TICK_SECONDS
            while self._channels:
                await asyncio.sleep(max(0.0, due - loop.time()))
                due = max(due + TICK_SECONDS, loop.time())
                await self.tick()

    async def tick(self) -> None:
        """Run the model over every full window, then tell the calls.

        However much has piled up, it takes one trip to the thread: on a machine so busy that the
        thread starts late, one trip per window would never catch up.
        """
        channels = [channel for channel in self._channels.values() if channel.has_window]
        if not channels:
            return
        rows = np.array([channel.row for channel in channels])
        steps = list(self._take_windows(channels))
        results, state = await self._infer(steps, self._state[rows])
        alive = [i for i, channel in enumerate(channels) if not channel.closed]
        self._state[rows[alive]] = state[alive]
        for step, probabilities in zip(steps, results, strict=True):
            for i, probability in zip(step.calls, probabilities.tolist(), strict=True):
                if not channels[i].closed:
                    channels[i].on_probability(probability)

    def _take_windows(self, channels: list[VadChannel]) -> Iterator[_Step]:
        calls = list(range(len(channels)))
        while calls:
            rows = [channels[i].row for i in calls]
            begins = [channels[i].begin for i in calls]
            yield _Step(calls, self._windows[rows, begins])
            for i in calls:
                self._consume(channels[i])
            calls = [i for i in calls if channels[i].has_window]

    async def _infer(self, steps: list[_Step], state: Floats) -> tuple[list[Floats], Floats]:
        work = partial(_run_steps, self._model, steps, state)
        return work() if self._thread is None else await self._thread.run(work)

    def _consume(self, channel: VadChannel) -> None:
        channel.begin += WINDOW_SAMPLES
        while channel.backlog and channel.make_room(channel.backlog[0]):
            channel.append(channel.backlog.popleft())

    def _grow(self) -> None:
        rows = len(self._audio)
        self._free.extend(range(rows, 2 * rows))
        self._audio = np.concatenate((self._audio, np.zeros_like(self._audio)))
        self._windows = sliding_window_view(self._audio, _INPUT, axis=1)
        self._state = np.concatenate((self._state, np.zeros_like(self._state)))
        for row, channel in self._channels.items():
            channel.audio = self._audio[row]


def _run_steps(model: VadModel, steps: list[_Step], state: Floats) -> tuple[list[Floats], Floats]:
    """Windows of one call in order, windows of many calls at once."""
    results = []
    for step in steps:
        probabilities = np.empty(len(step.calls), dtype=np.float32)
        for start in range(0, len(step.calls), _CHUNK):
            part = slice(start, start + _CHUNK)
            calls = step.calls[part]
            windows = step.windows[part] * _TO_FLOAT
            probabilities[part], state[calls] = model.run(windows, state[calls])
        results.append(probabilities)
    return results, state
