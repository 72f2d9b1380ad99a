"""One media stream of the Twilio stand-in: messages with numbers in strings, a queue, marks."""

import asyncio
import base64
import json
import secrets
from collections import deque
from contextlib import suppress
from itertools import count
from typing import Any, Protocol

import aiohttp

FRAME_BYTES = 160
FRAME_SECONDS = 0.02
SILENCE = b"\xff" * FRAME_BYTES


class StreamedCall(Protocol):
    """The call, as far as its streams go."""

    sid: str
    account_sid: str
    played: bytearray
    speech: deque[bytes]
    ended: asyncio.Event


class Stream:
    """One bidirectional media stream."""

    def __init__(
        self,
        call: StreamedCall,
        socket: aiohttp.ClientWebSocketResponse,
        parameters: dict[str, str],
    ) -> None:
        self.call = call
        self.sid = f"MZ{secrets.token_hex(16)}"
        self._socket = socket
        self._parameters = parameters
        self._sequence = count(1)
        self._queue: deque[bytes | str] = deque()
        """Sound and marks in the order in which they came."""
        self._out: asyncio.Queue[str] = asyncio.Queue()
        self.clears = 0
        self.marks = 0
        self.media = 0

    async def run(self) -> None:
        """Stream until the socket is closed, or the call is over."""
        self._out.put_nowait('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        start = {
            "accountSid": self.call.account_sid,
            "callSid": self.call.sid,
            "streamSid": self.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self._parameters,
        }
        self.post("start", {"start": start})
        helpers = [asyncio.create_task(work()) for work in (self._speak, self._send)]
        ended = asyncio.create_task(self._stop_at_end())
        try:
            async for message in self._socket:
                self._receive(json.loads(message.data))
        finally:
            for helper in (*helpers, ended):
                helper.cancel()
            await asyncio.gather(*helpers, ended, return_exceptions=True)
            await self._socket.close()

    def post(self, event: str, body: dict[str, object]) -> None:
        """Send a message of this stream."""
        head = {"event": event, "sequenceNumber": str(next(self._sequence)), "streamSid": self.sid}
        self._out.put_nowait(json.dumps(head | body))

    async def stop(self) -> None:
        """Say that the call is over, and close."""
        self.post("stop", {"stop": {"accountSid": self.call.account_sid, "callSid": self.call.sid}})
        await self._out.join()
        await self._socket.close()

    def abort(self) -> None:
        """Cut the connection."""
        connection = self._socket._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()

    async def _stop_at_end(self) -> None:
        await self.call.ended.wait()
        await self.stop()

    async def _send(self) -> None:
        while True:
            text = await self._out.get()
            with suppress(ConnectionError):
                await self._socket.send_str(text)
            self._out.task_done()

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for chunk in count(1):
            frame = self.call.speech.popleft() if self.call.speech else SILENCE
            payload = base64.b64encode(frame).decode()
            media = {"track": "inbound", "chunk": str(chunk), "timestamp": str(chunk * 20)}
            self.post("media", {"media": media | {"payload": payload}})
            self._play()
            due += FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _play(self) -> None:
        """Play 20 ms of the queue; marks in it come back."""
        left = FRAME_BYTES
        while self._queue and (left or isinstance(self._queue[0], str)):
            item = self._queue.popleft()
            if isinstance(item, str):
                self._return_mark(item)
                continue
            self.call.played += item[:left]
            if len(item) > left:
                self._queue.appendleft(item[left:])
            left -= min(left, len(item))

    def _receive(self, message: dict[str, Any]) -> None:
        assert message["streamSid"] == self.sid
        match message["event"]:
            case "media":
                self.media += 1
                self._queue.append(base64.b64decode(message["media"]["payload"], validate=True))
            case "mark":
                self._queue.append(message["mark"]["name"])
            case "clear":
                self.clears += 1
                pending, self._queue = self._queue, deque()
                for item in pending:
                    if isinstance(item, str):
                        self._return_mark(item)
            case other:
                raise AssertionError(f"Twilio knows no {other}")

    def _return_mark(self, name: str) -> None:
        self.marks += 1
        self.post("mark", {"mark": {"name": name}})
