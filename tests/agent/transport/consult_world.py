"""A room with a caller, a worker and a telephone somewhere, as a real server keeps its books.

A bridge subscribes by itself to each voice it sees, and the server does what the worker says.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import cast

from switchboard_agent.transport.base import TRANSFER_SECONDS, Transferred
from switchboard_agent.transport.livekit.control import Occupants, RoomControlError
from switchboard_agent.transport.livekit.dialling import Dial
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.transport import LiveKitTransport, open_call
from switchboard_contract.call_events import TransferResult
from tests.agent.transport.fakes import ROOM, FakeServer
from tests.agent.transport.test_transport import TICKET

CALLER, CALLER_TRACK, HUMAN_TRACK = "sip_1", 51, 70


class World:
    """One room with a caller, a worker and a telephone somewhere."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.present = {CALLER}
        self.human = ""
        self.removed: list[str] = []
        self.deaf: dict[str, bool] = {}
        """Whether the server was last told that somebody must not hear the other."""
        self.heard_early = False
        self.broken = False
        self.ringing: asyncio.Future[Transferred] | None = None
        self.transport: LiveKitTransport
        self.asked: list[Dial] = []

    # --- CallControl ------------------------------------------------------------------------

    async def remove(self, room: str, identity: str) -> None:  # noqa: ARG002 the seam
        self.removed.append(identity)
        self.leaves(identity)

    async def delete(self, room: str) -> None:
        raise AssertionError("nobody asks for it", room)

    async def transfer(self, room: str, identity: str, to: str) -> Transferred:
        raise AssertionError("nobody asks for it", room, identity, to)

    async def occupants(self, room: str) -> Occupants:  # noqa: ARG002 the seam
        if self.broken:
            raise RoomControlError("the server is away")
        return Occupants(tuple(self.present), 1)

    async def dial(self, asked: Dial) -> Transferred:
        self.asked.append(asked)
        self.human = asked.identity
        self.ringing = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(TRANSFER_SECONDS, self.rings_no_more, self.ringing)
        return await self.ringing

    async def subscribe(
        self,
        room: str,  # noqa: ARG002 the seam
        identity: str,
        tracks: Sequence[str],
        *,
        wanted: bool,
    ) -> None:
        await asyncio.sleep(0.01)
        if self.broken:
            raise RoomControlError("the server is away")
        assert tracks == [f"TR_{HUMAN_TRACK if identity == CALLER else CALLER_TRACK}"]
        self.deaf[identity] = not wanted

    # --- what happens -----------------------------------------------------------------------

    async def open(self) -> None:
        opening = asyncio.ensure_future(open_call(cast("FfiDemux", self.server), self, TICKET))
        await asyncio.sleep(0.01)
        self.server.joined((CALLER, "sip"), status="active")
        await asyncio.sleep(0.01)
        self.server.published()
        self.transport = await opening
        self.server.publishes(CALLER, CALLER_TRACK)

    def start(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(work)

    async def consult(self, briefing_seconds: float = 1.0) -> None:
        async with self.transport.consult("tel:+15550199", "main") as human:
            self.heard_early |= not (self.deaf.get(CALLER) and self.deaf.get(self.human))
            await asyncio.sleep(briefing_seconds)
            self.heard_early |= not (self.deaf.get(CALLER) and self.deaf.get(self.human))
            await human.connect()

    async def rings(self) -> None:
        """The second voice is known, and the bridge has joined for the human."""
        await asyncio.sleep(0.01)
        self.server.published()
        await asyncio.sleep(0.01)
        self.comes()

    def comes(self) -> None:
        if self.human and self.human not in self.present and ROOM in self.server.rooms:
            self.present.add(self.human)
            self.server.comes(self.human, "sip")

    def answers(self, result: TransferResult = TransferResult.SUCCEEDED) -> None:
        if self.ringing is None or self.ringing.done() or self.human not in self.present:
            return
        self.ringing.set_result(Transferred(result))
        if result is TransferResult.SUCCEEDED:
            self.deaf |= {CALLER: False, self.human: False}  # the bridge subscribes
            self.server.publishes(self.human, HUMAN_TRACK)
        else:
            self.leaves(self.human)

    def breaks(self) -> None:
        self.broken = True

    def rings_no_more(self, ringing: asyncio.Future[Transferred]) -> None:
        """The bridge gives up."""
        if not ringing.done():
            ringing.set_result(Transferred(TransferResult.NO_ANSWER))
            self.leaves(self.human)

    def leaves_unseen(self, identity: str) -> None:
        """The server knows it and tells nobody."""
        self.present.discard(identity)

    def leaves(self, identity: str) -> None:
        if identity in self.present:
            self.present.discard(identity)
            if identity == self.human and self.ringing is not None and not self.ringing.done():
                self.ringing.set_result(Transferred(TransferResult.NO_ANSWER))
            if ROOM in self.server.rooms:
                self.server.leaves(identity)

    async def hang_up(self) -> None:
        """As a call's job does at its end."""
        hanging_up = asyncio.ensure_future(self.transport.hang_up())
        while not hanging_up.done():
            await asyncio.sleep(0.01)
            if self.server.replies:
                self.server.answer("disconnect")
        await hanging_up

    @property
    def together(self) -> bool:
        return self.deaf == {CALLER: False, self.human: False}
