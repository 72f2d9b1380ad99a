"""Callers that cost little, in a process of their own: what they hear is kept as times, not sound.

They join through the worker's own media layer, so that ten of them beside two workers leave two
cores some air. Each answers by itself: it says a recorded sentence twice, and from then on keys a
new number whenever the agent has fallen silent. The parent asks what was heard when.

The process obeys lines of JSON:
`{"do": "call", "room"}`, `{"do": "heard", "room"}` (stretches of the agent's voice),
`{"do": "leave", "room"}`.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from livekit.rtc._proto.ffi_pb2 import FfiRequest
from livekit.rtc._proto.room_pb2 import ConnectCallback
from livekit.rtc._proto.track_pb2 import OwnedTrackPublication, TrackKind
from typing_extensions import override

from switchboard_agent.recordings.load import load_conversation
from switchboard_agent.transport.base import FRAME_SAMPLES, Pcm
from switchboard_agent.transport.livekit.ffi import FfiDemux
from switchboard_agent.transport.livekit.room import Participant, Room, RoomListener
from switchboard_agent.transport.livekit.source import UnqueuedSource
from switchboard_agent.transport.livekit.stream import InboundStream
from switchboard_local.servers import LiveKitServer
from tests.agent.live.callers import caller_env, sip_token
from tests.support.lines import Peer, process, serve_lines

VOICE_RMS = 150
GAP_SECONDS = 0.3
"""A shorter pause belongs to the stretch of voice around it."""
ANSWER_SECONDS = 0.7
"""Silence of the agent after which the caller answers."""
FRAME_SECONDS = 0.02
FIRST_NUMBER = 101
SENTENCES = 2
"""The wish is said twice: a recogniser on a crowded machine may miss it once."""


class CallerRoom(Room):
    """A room whose every audio track is listened to: the worker's own listens to callers only."""

    def __init__(self, ffi: FfiDemux, joined: ConnectCallback, listener: RoomListener) -> None:
        super().__init__(ffi, joined, listener)

    @override
    def _add_publication(self, identity: str, publication: OwnedTrackPublication) -> None:
        self._owned.append(publication.handle.id)
        if publication.info.kind == TrackKind.KIND_AUDIO:
            request = FfiRequest()
            request.set_subscribed.subscribe = True
            request.set_subscribed.publication_handle = publication.handle.id
            self._ffi.request(request)

    def press(self, digit: str) -> None:
        """Send one key."""
        request = FfiRequest()
        request.publish_sip_dtmf.local_participant_handle = self._me
        request.publish_sip_dtmf.code = 11 if digit == "#" else int(digit)
        request.publish_sip_dtmf.digit = digit
        self._ffi.request(request)


class LightCaller:
    """One phone."""

    def __init__(self, ffi: FfiDemux, sentence: Pcm) -> None:
        self._ffi = ffi
        self._source = UnqueuedSource(ffi)
        self._streams: list[InboundStream] = []
        self._room: CallerRoom | None = None
        self._sentence = sentence
        self._silence = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        self._saying: int | None = None
        self._said = 0
        self._keyed = FIRST_NUMBER
        self._voice_at = 0.0
        self._owes_answer = False
        self.heard: list[list[float]] = []
        self.gone = False

    async def call(self, url: str, token: str) -> None:
        room = await CallerRoom.join(self._ffi, url, token, self)
        assert isinstance(room, CallerRoom)
        self._room = room
        await room.publish(self._source.handle, "phone")

    def tick(self) -> None:
        """20 ms have passed: put a frame on the wire, answer if it is our turn."""
        frame = self._silence
        if self._saying is not None:
            frame = self._sentence[self._saying : self._saying + FRAME_SAMPLES]
            self._saying += FRAME_SAMPLES
            if frame.size < FRAME_SAMPLES:
                frame, self._saying = self._silence, None
        self._source.play(frame)
        if self._owes_answer and time.time() - self._voice_at > ANSWER_SECONDS:
            self._owes_answer = False
            self._answer()

    def _answer(self) -> None:
        if self._said < SENTENCES:
            self._said, self._saying = self._said + 1, 0
        elif self._room is not None:
            for digit in f"{self._keyed}#":
                self._room.press(digit)
            self._keyed += 1

    async def leave(self) -> None:
        for stream in self._streams:
            stream.close()
        if self._room is not None:
            await self._room.leave()
        self._source.close()

    def _on_frame(self, track: int, frame: Pcm) -> None:
        if np.sqrt(np.mean(frame.astype(np.float32) ** 2)) < VOICE_RMS:
            return
        now = time.time()
        last = self.heard[-1] if self.heard else None
        if last is not None and last[2] == track and now - last[1] < GAP_SECONDS:
            last[1] = now
        else:
            self.heard.append([now - FRAME_SECONDS, now, track])
        self._voice_at, self._owes_answer = now, self._saying is None

    # --- RoomListener -----------------------------------------------------------------------

    def on_participant(self, participant: Participant) -> None:
        """Whoever it is."""

    def on_attributes(self, identity: str, changed: dict[str, str]) -> None:
        """Of no interest."""

    def on_participant_left(self, identity: str) -> None:
        """The phone stays on the line."""

    def on_published(self, identity: str) -> None:
        """Of no interest."""

    def on_audio_track(self, identity: str, track_handle: int) -> None:  # noqa: ARG002 the seam
        hear = partial(self._on_frame, len(self._streams))
        self._streams.append(InboundStream(self._ffi, track_handle, hear))

    def on_heard(self, track: str) -> None:
        """Of no interest."""

    def on_dtmf(self, identity: str, digit: str) -> None:
        """Agents press no keys."""

    def on_disconnected(self, *, closed: bool) -> None:  # noqa: ARG002 out is out
        self.gone = True


class Stretch(NamedTuple):
    """A stretch of the agent's voice, as wall clock."""

    start: float
    end: float
    track: int
    """Counted from 0: an agent that joins anew has a new one."""


class LightPhones:
    """The parent's side."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def call(self, room: str) -> None:
        await self._peer.ask(do="call", room=room)

    async def heard(self, room: str) -> list[Stretch]:
        """When the agent's voice was heard."""
        return [
            Stretch(*stretch) for stretch in (await self._peer.ask(do="heard", room=room))["heard"]
        ]

    async def silence_seconds(self, room: str, fault_at: float) -> float | None:
        """From a fault to the first sound of the agent that goes on; None if there was none.

        What the old one's track still gives is jitter buffer and concealment: it does not count.
        """
        heard = await self.heard(room)
        before = max((stretch.track for stretch in heard if stretch.start < fault_at), default=-1)
        later = [stretch.start - fault_at for stretch in heard if stretch.track > before]
        return min(later) if later else None

    async def gone(self, room: str) -> bool:
        """Whether the phone has been put out."""
        return bool((await self._peer.ask(do="heard", room=room))["gone"])

    async def leave(self, room: str) -> None:
        await self._peer.ask(do="leave", room=room)


@contextlib.asynccontextmanager
async def light_phones(server: LiveKitServer) -> AsyncIterator[LightPhones]:
    """A process full of phones."""
    async with process([__name__], Path(os.devnull), **caller_env(server)) as peer:
        yield LightPhones(peer)


async def _pace(callers: dict[str, LightCaller]) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        for caller in list(callers.values()):
            caller.tick()
        due += FRAME_SECONDS
        await asyncio.sleep(max(0.0, due - loop.time()))


async def _obey(
    ffi: FfiDemux, callers: dict[str, LightCaller], command: dict[str, Any]
) -> dict[str, object]:
    room = command["room"]
    match command["do"]:
        case "call":
            caller = LightCaller(ffi, load_conversation().turns[0].pcm)
            token = sip_token(os.environ["CALLER_KEY"], os.environ["CALLER_SECRET"], room)
            await caller.call(os.environ["CALLER_URL"], token)
            callers[room] = caller
        case "heard":
            return {"heard": callers[room].heard, "gone": callers[room].gone}
        case "leave":
            await callers.pop(room).leave()
        case unknown:
            raise ValueError(unknown)
    return {}


async def _main() -> None:
    ffi = FfiDemux(asyncio.get_running_loop(), lambda _: os._exit(70))
    callers: dict[str, LightCaller] = {}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_pace(callers))
        await serve_lines(partial(_obey, ffi, callers))
        os._exit(0)  # native threads have nothing to say any more


if __name__ == "__main__":
    asyncio.run(_main())
