"""A refused caller is told, unless somebody else answers."""

from collections.abc import Awaitable, Callable

import pytest

from switchboard_agent.admission import RefusalReason
from switchboard_agent.transport.base import Transferred
from switchboard_agent.transport.livekit.control import Occupants, RoomControlError, end_call
from switchboard_agent.worker.refusal import RefusalDesk


class FakeControl:
    def __init__(self, occupants: Occupants, broken: bool = False) -> None:
        self.there = occupants
        self.broken = broken
        self.done: list[str] = []

    async def remove(self, room: str, identity: str) -> None:
        if self.broken:
            raise RoomControlError("the server is away")
        self.done.append(f"remove {identity} from {room}")

    async def delete(self, room: str) -> None:
        if self.broken:
            raise RoomControlError("the server is away")
        self.done.append(f"delete {room}")

    async def transfer(self, room: str, identity: str, to: str) -> Transferred:
        raise AssertionError("a refused call is put through to nobody", room, identity, to)

    async def occupants(self, room: str) -> Occupants:  # noqa: ARG002 the seam
        if self.broken:
            raise RoomControlError("the server is away")
        return self.there


def clock() -> tuple[list[float], Callable[[float], Awaitable[None]]]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    return slept, sleep


async def test_over_quota_is_told_at_once() -> None:
    control = FakeControl(Occupants(callers=("sip_1",), agents=0))
    slept, sleep = clock()
    await RefusalDesk(control, sleep).tell_caller("room", RefusalReason.QUOTA)
    assert control.done == ["remove sip_1 from room"]
    assert slept == []


async def test_full_worker_gives_the_others_time_before_it_tells() -> None:
    control = FakeControl(Occupants(callers=("sip_1",), agents=0))
    slept, sleep = clock()
    await RefusalDesk(control, sleep).tell_caller("room", RefusalReason.FULL)
    assert control.done == ["remove sip_1 from room"]
    assert slept == [4.0]


async def test_caller_answered_by_another_worker_stays() -> None:
    control = FakeControl(Occupants(callers=("sip_1",), agents=1))
    _, sleep = clock()
    await RefusalDesk(control, sleep).tell_caller("room", RefusalReason.FULL)
    assert control.done == []


async def test_caller_on_the_way_into_the_room_is_waited_for() -> None:
    control = FakeControl(Occupants(callers=(), agents=0))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            control.there = Occupants(callers=("sip_1",), agents=0)

    await RefusalDesk(control, sleep).tell_caller("room", RefusalReason.QUOTA)
    assert control.done == ["remove sip_1 from room"]
    assert len(slept) == 3


async def test_caller_who_never_comes_is_not_waited_for_for_ever() -> None:
    control = FakeControl(Occupants(callers=(), agents=0))
    slept, sleep = clock()
    await RefusalDesk(control, sleep).tell_caller("room", RefusalReason.QUOTA)
    assert control.done == []
    assert sum(slept) <= 10


async def test_unreachable_server_is_logged_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    control = FakeControl(Occupants(callers=(), agents=0), broken=True)
    _, sleep = clock()
    await RefusalDesk(control, sleep).tell_caller("room", RefusalReason.FULL)
    assert "the server is away" in caplog.text


async def test_end_of_call_closes_the_room_when_the_caller_is_unknown() -> None:
    control = FakeControl(Occupants(callers=(), agents=0))
    await end_call(control, "room", None)
    assert control.done == ["delete room"]


async def test_end_of_call_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    control = FakeControl(Occupants(callers=(), agents=0), broken=True)
    await end_call(control, "room", "sip_1")
    assert "silence" in caplog.text
