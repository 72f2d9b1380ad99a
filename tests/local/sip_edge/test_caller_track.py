"""Frames of a caller keep their order and their pace, also after the edge stood still."""

import asyncio
import itertools

import numpy as np

from switchboard_local.sip_edge.caller_track import APART_S, MAX_QUEUED, FrameLine
from switchboard_local.sip_edge.pacer import HALF_TICK_S
from switchboard_media.pcm import Pcm
from tests.support.virtual_time import run_virtual


class Wire:
    """Where frames go, with times."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, int]] = []
        self.line = FrameLine(self._send)

    def _send(self, frame: Pcm) -> None:
        self.sent.append((asyncio.get_running_loop().time(), int(frame[0])))

    def push(self, *numbers: int) -> None:
        for number in numbers:
            self.line.push(np.array([number], np.int16))

    @property
    def gaps(self) -> list[float]:
        times = [at for at, _ in self.sent]
        return [after - before for before, after in itertools.pairwise(times)]


def test_two_frames_of_a_packet_leave_a_tick_apart() -> None:
    async def run() -> None:
        wire = Wire()
        for packet in range(3):
            wire.push(2 * packet, 2 * packet + 1)
            for _ in range(2):
                wire.line.send_due()
                await asyncio.sleep(HALF_TICK_S)
        assert [number for _, number in wire.sent] == [0, 1, 2, 3, 4, 5]
        assert all(abs(gap - HALF_TICK_S) < 1e-6 for gap in wire.gaps)

    run_virtual(run())


def test_after_a_stall_frames_never_leave_in_one_go_and_catch_up() -> None:
    async def run() -> None:
        wire = Wire()
        wire.push(*range(10))
        for _ in range(10):
            wire.line.send_due()  # the pacer makes up for missed ticks
        assert len(wire.sent) == 1
        await asyncio.sleep(0.05)
        assert [number for _, number in wire.sent] == list(range(9))
        assert min(wire.gaps) >= APART_S - 1e-9
        wire.line.send_due()
        assert wire.sent[-1][1] == 9

    run_virtual(run())


def test_too_many_frames_cost_the_oldest() -> None:
    async def run() -> None:
        wire = Wire()
        wire.push(*range(MAX_QUEUED + 3))
        assert wire.line.dropped == 3
        wire.line.send_due()
        assert wire.sent[0][1] == 3
        wire.line.clear()
        await asyncio.sleep(1)
        assert len(wire.sent) == 1

    run_virtual(run())
