"""Callers made with the LiveKit SDK as it ships, in a process of their own.

The process obeys lines of JSON:
`{"do": "call", "room", "hz"}`, `{"do": "key", "room", "digit"}`, `{"do": "heard", "room"}`,
`{"do": "join", "room": <name of the phone>, "into": <room>, "identity", "hz"}`,
`{"do": "voices", "room"}` (who was heard since this was last asked),
`{"do": "keys", "room"}` (those that came),
`{"do": "gone", "room"}` (wait until put out of the room), `{"do": "leave", "room"}`.
"""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from livekit import api, rtc

from switchboard_local.servers import LiveKitServer
from tests.agent.live.tones import FRAME_SAMPLES, RATE_HZ, Heard, Samples, listen, tone
from tests.support.lines import Peer, process, serve_lines


class Caller:
    """One phone: a participant of kind SIP that hums and listens."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.frames: list[Samples] = []
        self.voices: dict[str, list[Samples]] = {}
        self.gone = asyncio.Event()
        self.gone_at = 0.0
        self.tasks: list[asyncio.Task[None]] = []
        self.room.on("track_subscribed", self._on_track)
        self.room.on("disconnected", self._on_gone)
        self.keys: list[tuple[int, str]] = []
        self.room.on("sip_dtmf_received", self._on_key)

    def _on_key(self, key: rtc.SipDTMF) -> None:
        self.keys.append((key.code, key.digit))

    def _on_track(self, track: rtc.Track, _: object, whose: rtc.RemoteParticipant) -> None:
        voice = f"{re.split('[-_]', whose.identity)[0]}/{track.name}"
        self.tasks.append(asyncio.create_task(self._listen(track, voice)))

    def _on_gone(self, *_: object) -> None:
        self.gone_at = time.time()
        self.gone.set()

    async def _listen(self, track: rtc.Track, voice: str) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1, frame_size_ms=20)
        async for event in stream:
            frame = np.frombuffer(event.frame.data, np.int16).copy()
            self.frames.append(frame)
            self.voices.setdefault(voice, []).append(frame)

    async def hum(self, source: rtc.AudioSource, hz: float) -> None:
        sample = 0
        while True:
            data = tone(hz, sample).tobytes()
            await source.capture_frame(rtc.AudioFrame(data, RATE_HZ, 1, FRAME_SAMPLES))
            sample += FRAME_SAMPLES

    async def call(self, url: str, token: str, hz: float) -> None:
        await self.room.connect(url, token)
        source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track("phone", source)
        await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        self.tasks.append(asyncio.create_task(self.hum(source, hz)))

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await self.room.disconnect()


class Phones:
    """The parent's side: callers by the name of their room."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def call(self, room: str, hz: float = 440.0) -> None:
        await self._peer.ask(do="call", room=room, hz=hz)

    async def join(self, phone: str, *, into: str, identity: str, hz: float) -> None:
        """One more phone, in a room of others."""
        await self._peer.ask(do="join", room=phone, into=into, identity=identity, hz=hz)

    async def voices(self, phone: str) -> dict[str, Heard]:
        """Who was heard since this was last asked, by what kind of participant and track."""
        found = (await self._peer.ask(do="voices", room=phone))["voices"]
        return {voice: Heard(**heard) for voice, heard in found.items()}

    async def key(self, room: str, digit: str) -> None:
        await self._peer.ask(do="key", room=room, digit=digit)

    async def heard(self, room: str) -> Heard:
        return Heard(**await self._peer.ask(do="heard", room=room))

    async def keys(self, room: str) -> list[tuple[int, str]]:
        """Codes and digits that came to the caller."""
        return [
            (code, digit) for code, digit in (await self._peer.ask(do="keys", room=room))["keys"]
        ]

    async def gone(self, room: str) -> float:
        """Wait until the caller is out; when that was, as wall clock."""
        return float((await self._peer.ask(do="gone", room=room))["at"])

    async def leave(self, room: str) -> None:
        await self._peer.ask(do="leave", room=room)


@contextlib.asynccontextmanager
async def phones(server: LiveKitServer) -> AsyncIterator[Phones]:
    """A process full of phones."""
    async with process([__name__], Path(os.devnull), **caller_env(server)) as peer:
        yield Phones(peer)


def caller_env(server: LiveKitServer) -> dict[str, str]:
    """How a process full of phones gets to the server."""
    return {
        "CALLER_URL": server.ws_url,
        "CALLER_KEY": server.api_key,
        "CALLER_SECRET": server.api_secret,
    }


def sip_token(key: str, secret: str, room: str, identity: str = "") -> str:
    """What the SIP bridge would join with."""
    return (
        api.AccessToken(key, secret)
        .with_identity(identity or f"sip_{room}")
        .with_kind("sip")
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .with_attributes(
            {
                "sip.callID": f"SCL_{room}",
                "sip.phoneNumber": "+15550111",
                "sip.trunkPhoneNumber": "+15550100",
                "lktest.id": f"test-{room}",
            }
        )
        .to_jwt()
    )


async def _obey(callers: dict[str, Caller], command: dict[str, Any]) -> dict[str, object]:
    room = command["room"]
    match command["do"]:
        case "call":
            callers[room] = Caller()
            token = sip_token(os.environ["CALLER_KEY"], os.environ["CALLER_SECRET"], room)
            await callers[room].call(os.environ["CALLER_URL"], token, command["hz"])
        case "join":
            callers[room] = Caller()
            access = os.environ["CALLER_KEY"], os.environ["CALLER_SECRET"]
            token = sip_token(*access, command["into"], command["identity"])
            await callers[room].call(os.environ["CALLER_URL"], token, command["hz"])
        case "voices":
            heard, callers[room].voices = callers[room].voices, {}
            return {"voices": {voice: asdict(listen(f)) for voice, f in heard.items()}}
        case "key":
            digit = command["digit"]
            participant = callers[room].room.local_participant
            await participant.publish_dtmf(code=int(digit), digit=digit)
        case "heard":
            return asdict(listen(callers[room].frames))
        case "keys":
            return {"keys": callers[room].keys}
        case "gone":
            await asyncio.wait_for(callers[room].gone.wait(), 25)
            return {"at": callers[room].gone_at}
        case "leave":
            await callers[room].leave()
        case unknown:
            raise ValueError(unknown)
    return {}


async def _main() -> None:
    await serve_lines(partial(_obey, {}))
    os._exit(0)  # native threads and humming tasks have nothing to say any more


if __name__ == "__main__":
    asyncio.run(_main())
