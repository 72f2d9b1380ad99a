"""Callers of the room benchmark: LiveKit participants in a process of their own.

Made with the same cheap media layer as the worker, so that they do not eat the cores: one event
queue, one timer. As WebRTC clients they send nothing while they are silent. Obeys lines of JSON on
stdin, answers each with one on stdout: `{"do": "call", "rooms": [...]}` (all at once; tells how
many failed), `{"do": "notes"}` (what was noticed since the last time).
"""

import asyncio
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop
from livekit.rtc._proto.participant_pb2 import OwnedParticipant
from typing_extensions import override

from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.room import Participant, Room
from switchboard_agent.transport.livekit.source import UnqueuedSource
from switchboard_agent.transport.livekit.stream import InboundStream
from tests.agent.live.callers import sip_token
from tests.bench.engine.caller import Caller, Notes, pump
from tests.bench.engine.script import Pcm, load
from tests.bench.room.voice import is_audible
from tests.support.lines import serve_lines

_JOINS = 4
"""At the same time, as the SIP edge has it."""
_HOLE_SECONDS = 0.06
"""Shorter ones are what jitter buffers are for."""


class _EveryonesRoom(Room):
    """Listens to the agent, which the worker's own room does not."""

    @override
    def _add_participant(self, owned: OwnedParticipant) -> None:
        self._callers.add(owned.info.identity)
        super()._add_participant(owned)


class Phone:
    """One caller in one room."""

    def __init__(self, ffi: FfiDemux, caller: Caller) -> None:
        self._ffi = ffi
        self._caller = caller
        self._source = UnqueuedSource(ffi)
        self._streams: list[InboundStream] = []
        self.room: Room | None = None

    async def call(self, url: str, token: str) -> None:
        """Join and be heard."""
        self.room = await _EveryonesRoom.join(self._ffi, url, token, self)
        await self.room.publish(self._source.handle, "phone")
        self._caller.send = self._send

    async def leave(self) -> None:
        """Hang up."""
        self._caller.send = None
        for stream in self._streams:
            stream.close()
        if self.room is not None:
            await self.room.leave()
        self._source.close()

    def _send(self, frame: Pcm) -> None:
        if frame.any():
            self._source.play(frame)

    def on_published(self, identity: str) -> None:
        """Nothing to learn."""

    def on_audio_track(self, identity: str, track_handle: int) -> None:  # noqa: ARG002 the seam
        self._streams.append(InboundStream(self._ffi, track_handle, self._on_frame))

    def _on_frame(self, frame: Pcm) -> None:
        if is_audible(frame):
            self._caller.hear(len(frame))

    def on_participant(self, participant: Participant) -> None:
        """Whoever it is."""

    def on_attributes(self, identity: str, changed: dict[str, str]) -> None:
        """Nothing to learn."""

    def on_participant_left(self, identity: str) -> None:  # noqa: ARG002 the seam
        """The agent has hung up."""
        self._caller.send = None

    def on_heard(self, track: str) -> None:
        """The agent listens."""

    def on_dtmf(self, identity: str, digit: str) -> None:
        """No keys."""

    def on_disconnected(self, *, closed: bool) -> None:  # noqa: ARG002 the seam
        """Put out."""
        self._caller.send = None


class Phones:
    """All callers of the process."""

    def __init__(self, url: str, key: str, secret: str, speech: Path) -> None:
        self._access = (url, key, secret)
        self._sentences = load(speech)
        self._ffi = FfiDemux(asyncio.get_running_loop(), _stop)
        self._notes = Notes()
        self._callers: list[Caller] = []
        self._phones: list[Phone] = []
        self._joins = asyncio.Semaphore(_JOINS)

    async def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command."""
        match command["do"]:
            case "call":
                done = await asyncio.gather(
                    *map(self._call, command["rooms"]), return_exceptions=True
                )
                return {"failed": sum(one is not None for one in done)}
            case "notes":
                noticed = asdict(self._notes)
                for values in noticed:
                    getattr(self._notes, values).clear()
                return noticed
            case "leave":
                await asyncio.gather(*(phone.leave() for phone in self._phones))
                self._phones.clear()
                self._callers.clear()
                return {}
            case unknown:
                raise ValueError(unknown)

    async def _call(self, room: str) -> None:
        url, key, secret = self._access
        number = len(self._callers)
        caller = Caller(
            self._sentences,
            self._notes,
            time.monotonic,
            shift_frames=number * 37 % 150,
            cushion_seconds=_HOLE_SECONDS,
        )
        phone = Phone(self._ffi, caller)
        async with self._joins:
            await phone.call(url, sip_token(key, secret, room))
        self._callers.append(caller)
        self._phones.append(phone)

    async def run(self) -> None:
        """Send the callers' frames."""
        await pump(self._callers)


def _stop(message: str) -> None:
    sys.stderr.write(message)
    os._exit(1)


async def main(arguments: list[str]) -> None:
    """Obey until stdin ends."""
    url, key, secret, speech = arguments
    phones = Phones(url, key, secret, Path(speech))
    pumping = asyncio.ensure_future(phones.run())
    await serve_lines(phones.obey)
    pumping.cancel()
    os._exit(0)  # native threads have nothing to say any more


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
