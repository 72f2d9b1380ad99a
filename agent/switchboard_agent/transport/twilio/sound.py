"""Between the phone's sound and the engine's: 8 kHz mu-law and 16 kHz frames of 20 ms.

Each direction of a call keeps the state of its filter, so the seams between frames cannot be heard.
But the frames of all calls are converted together. Most of what one costs by itself is the way into
numpy and, while the voice detector computes in its thread, the interpreter's lock, which numpy lets
go of and must get back. So callers' frames wait a few milliseconds for those of others; the agent's
frames come all at once from the pacer, and none waits longer than until the others have come.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from switchboard_agent.transport.base import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from switchboard_media.fir_resample import Floats, RateChange
from switchboard_media.g711 import ulaw_decode, ulaw_encode

PHONE_RATE_HZ: Final = 8000
FRAME_BYTES: Final = PHONE_RATE_HZ * FRAME_MS // 1000
WAIT_SECONDS: Final = 0.005
"""How long a caller's frame waits for others. At 200 calls 50 come together; at 20, five."""

Piece = TypeVar("Piece", bytes, Pcm)
Made = TypeVar("Made", bytes, Pcm)
Number = TypeVar("Number", np.int16, np.float32)

_Convert = Callable[[Floats, Sequence[Piece]], tuple[Sequence[Made], Floats]]
"""New frames and pasts, from the past and a frame of each."""


@dataclass(slots=True, eq=False)
class _Lane(Generic[Piece, Made]):
    """One direction of one call."""

    give: Callable[[Made], None]
    past: Floats
    waiting: deque[Piece] = field(default_factory=deque)


class _Batch(Generic[Piece, Made]):
    """Frames of all calls in one direction."""

    def __init__(
        self, convert: "_Convert[Piece, Made]", soon: Callable[[Callable[[], None]], asyncio.Handle]
    ) -> None:
        """`soon` has a pass made once enough have had time to come."""
        self._convert: _Convert[Piece, Made] = convert
        self._soon = soon
        self._due: dict[_Lane[Piece, Made], None] = {}
        self._pass: asyncio.Handle | None = None

    def add(self, lane: "_Lane[Piece, Made]", piece: Piece) -> None:
        lane.waiting.append(piece)
        self._due[lane] = None
        if self._pass is None:
            self._pass = self._soon(self.flush)

    def flush(self) -> None:
        """Convert what waits, in order."""
        if self._pass is None:
            return
        self._pass.cancel()
        self._pass = None
        due, self._due = list(self._due), {}
        while due:
            pieces = [lane.waiting.popleft() for lane in due]
            made, pasts = self._convert(_rows([lane.past for lane in due]), pieces)
            for lane, past in zip(due, pasts, strict=True):
                lane.past = past
            for lane, frame in zip(due, made, strict=True):
                lane.give(frame)
            due = [lane for lane in due if lane.waiting]


def _rows(vectors: Sequence[NDArray[Number]]) -> NDArray[Number]:
    """As numpy's `stack`, in a third of its time."""
    return np.concatenate(vectors).reshape(len(vectors), -1)


class PhoneSound:
    """What all calls of a process go through."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._up = RateChange(PHONE_RATE_HZ, SAMPLE_RATE_HZ)
        self._down = RateChange(SAMPLE_RATE_HZ, PHONE_RATE_HZ)
        self._callers: _Batch[bytes, Pcm] = _Batch(
            self._from_phone, partial(loop.call_later, WAIT_SECONDS)
        )
        self._agents: _Batch[Pcm, bytes] = _Batch(self._to_phone, loop.call_soon)

    def caller(self, give: Callable[[Pcm], None]) -> "FromPhone":
        """Add a caller, whose frames are given on."""
        return FromPhone(self._callers, _Lane(give, self._up.silence()))

    def agent(self, give: Callable[[bytes], None]) -> "ToPhone":
        """Add an agent's voice, whose mu-law is given on."""
        return ToPhone(self._agents, _Lane(give, self._down.silence()))

    def _from_phone(self, past: Floats, payloads: Sequence[bytes]) -> tuple[list[Pcm], Floats]:
        codes = ulaw_decode(b"".join(payloads)).reshape(len(payloads), FRAME_BYTES)
        frames, past = self._up.process(past, codes)
        # Copies: whoever keeps one call's frame must not keep those of all others with it.
        return [frame.copy() for frame in frames], past

    def _to_phone(self, past: Floats, frames: Sequence[Pcm]) -> tuple[list[bytes], Floats]:
        sound, past = self._down.process(past, _rows(frames))
        codes = ulaw_encode(sound)
        return [codes[at : at + FRAME_BYTES] for at in range(0, len(codes), FRAME_BYTES)], past


class FromPhone:
    """A caller's sound, whatever the size of the pieces it comes in."""

    __slots__ = ("_batch", "_lane", "_rest")

    def __init__(self, batch: _Batch[bytes, Pcm], lane: _Lane[bytes, Pcm]) -> None:
        self._batch = batch
        self._lane = lane
        self._rest = b""

    def take(self, payload: bytes) -> None:
        """Give whole frames on, soon; what is left over waits for the next piece."""
        data = self._rest + payload if self._rest else payload
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        for start in range(0, whole, FRAME_BYTES):
            self._batch.add(self._lane, data[start : start + FRAME_BYTES])

    def flush(self) -> None:
        """Give on now what waits."""
        self._batch.flush()


class ToPhone:
    """An agent's sound."""

    __slots__ = ("_batch", "_lane")

    def __init__(self, batch: _Batch[Pcm, bytes], lane: _Lane[Pcm, bytes]) -> None:
        self._batch = batch
        self._lane = lane

    def take(self, frame: Pcm) -> None:
        """Give a frame on, once those have come that are due together with it."""
        if len(frame) != FRAME_SAMPLES:  # it must not cost other calls their pass
            raise ValueError(f"a frame has {FRAME_SAMPLES} samples")
        self._batch.add(self._lane, frame)

    def flush(self) -> None:
        """Give on now what waits."""
        self._batch.flush()
