"""A stand-in for Twilio: it asks for TwiML, follows it, opens media streams, and has a Calls API.

It does what Twilio documents, on the wire: signed forms, `wss` messages with numbers in strings, a
queue that is played in real time, marks that come back when they were played or cleared, the next
verb when the server has closed a stream. Workers are asked in turn, as a Service does; `wss` to the
public host becomes `ws` to a worker, as behind an Ingress that ends TLS. A worker that cannot be
reached is passed over, as an Ingress does.
"""

import asyncio
import base64
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import aiohttp
from aiohttp import web

from switchboard_agent.transport.twilio.signature import sign

FRAME_BYTES = 160
FRAME_SECONDS = 0.02
SILENCE = b"\xff" * FRAME_BYTES
_MOST_VERBS = 40


@dataclass
class TwilioStandIn:
    """One account."""

    public_url: str
    account_sid: str = "AC" + "0" * 32
    auth_token: str = "auth-token-of-the-tests"
    workers: list[str] = field(default_factory=list)
    """`http://host:port` of each."""
    api_url: str = ""
    api_status: int = 200
    """What the Calls API answers."""
    completed: list[str] = field(default_factory=list)
    """Calls that were ended through the API."""
    calls: dict[str, "PhoneCall"] = field(default_factory=dict)
    asked: int = 0
    """Requests sent to workers: whose turn it is."""
    session: aiohttp.ClientSession = field(init=False)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["TwilioStandIn"]:
        """Serve the Calls API while in the context; calls in progress are dropped at its end."""
        app = web.Application()
        path = "/2010-04-01/Accounts/{account}/Calls/{call}.json"
        app.router.add_post(path, self._update)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
        await runner.setup()
        async with aiohttp.ClientSession() as self.session:
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                host, port = runner.addresses[0][:2]
                self.api_url = f"http://{host}:{port}"
                yield self
            finally:
                for call in list(self.calls.values()):
                    await call.drop()
                await runner.cleanup()

    def dial(self, called: str, caller: str = "+15550123", *, wrong_ports: int = 0) -> "PhoneCall":
        """Somebody dials a number of the account; the first streams may come to nobody."""
        call = PhoneCall(self, f"CA{secrets.token_hex(16)}", caller, called)
        call.wrong_ports = wrong_ports
        self.calls[call.sid] = call
        call.begin()
        return call

    def next_worker(self) -> str:
        """Return the worker whose turn it is."""
        worker = self.workers[self.asked % len(self.workers)]
        self.asked += 1
        return worker

    async def post(self, path: str, body: str, headers: dict[str, str]) -> tuple[int, str] | None:
        """Ask a worker, the next one if it cannot be reached; None if none can be."""
        for _ in range(len(self.workers)):
            with suppress(aiohttp.ClientConnectionError):
                target = self.next_worker() + path
                async with self.session.post(target, data=body, headers=headers) as answer:
                    return answer.status, await answer.text()
        return None

    async def open(self, path: str) -> aiohttp.ClientWebSocketResponse | None:
        """Open a socket to a worker, the next one if it cannot be reached."""
        for _ in range(len(self.workers)):
            with suppress(aiohttp.ClientError):
                return await self.session.ws_connect(self.next_worker() + path, max_msg_size=0)
        return None

    async def _update(self, request: web.Request) -> web.Response:
        pair = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}":
            return web.json_response({"code": 20003, "status": 401}, status=401)
        call = self.calls.get(request.match_info["call"])
        if call is None:
            return web.json_response({"code": 20404, "status": 404}, status=404)
        form = await request.post()
        if self.api_status == 200 and form.get("Status") == "completed":
            self.completed.append(call.sid)
            call.end("completed")
        return web.json_response({"sid": call.sid, "status": "completed"}, status=self.api_status)


class PhoneCall:
    """One call, from the dialled number to the end."""

    def __init__(self, twilio: TwilioStandIn, sid: str, caller: str, called: str) -> None:
        self.twilio = twilio
        self.sid = sid
        self.caller = caller
        self.called = called
        self.verbs: list[str] = []
        """Verbs that were carried out, with what they said."""
        self.ended = asyncio.Event()
        self.reason = ""
        self.streams: list[Stream] = []
        self.streaming = asyncio.Event()
        self.played = bytearray()
        """Mu-law that the caller heard, silence left out."""
        self.speech: deque[bytes] = deque()
        self.wrong_ports = 0
        """Streams still to be opened where nobody listens."""
        self._task: asyncio.Task[None] | None = None

    def begin(self, path: str = "/twilio/voice") -> None:
        """Ask for TwiML and follow it."""
        self._task = asyncio.create_task(self._follow(self.twilio.public_url + path))

    async def drop(self) -> None:
        """Forget the call."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def say(self, ulaw: bytes) -> None:
        """Speak."""
        for start in range(0, len(ulaw), FRAME_BYTES):
            self.speech.append(ulaw[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff"))

    async def listen(self, quiet_seconds: float = 0.8) -> None:
        """Wait until the agent has spoken and then been silent for a while, or the call is over."""
        loop = asyncio.get_running_loop()
        known, spoke_at = len(self.played), float("inf")
        while loop.time() - spoke_at < quiet_seconds and not self.ended.is_set():
            await asyncio.sleep(FRAME_SECONDS)
            if len(self.played) != known:
                known, spoke_at = len(self.played), loop.time()

    def press(self, digit: str) -> None:
        """Press a key."""
        self.streams[-1].post("dtmf", {"dtmf": {"track": "inbound_track", "digit": digit}})

    async def hang_up(self) -> None:
        """The caller hangs up."""
        await self.streams[-1].stop()
        self.end("caller")
        await self.drop()

    def break_stream(self) -> None:
        """The network between Twilio and the worker breaks: no close, no stop."""
        self.streaming.clear()
        self.streams[-1].abort()

    def end(self, reason: str) -> None:
        """The call is over."""
        self.reason = self.reason or reason
        self.ended.set()

    async def _follow(self, url: str) -> None:
        for _ in range(_MOST_VERBS):
            document = await self._ask(url)
            following = ""
            for verb in document:
                following = await self._carry_out(verb)
                if following or self.ended.is_set():
                    break
            if not following or self.ended.is_set():
                self.end("end of TwiML")
                return
            url = following

    async def _carry_out(self, verb: ET.Element) -> str:
        """Carry out one verb; gives where to ask next."""
        text = (verb.text or "").strip()
        self.verbs.append(f"{verb.tag} {verb.get('reason') or text}".strip())
        match verb.tag:
            case "Redirect":
                return text
            case "Reject":
                self.end("rejected")
            case "Hangup":
                self.end("hung up")
            case "Connect":
                await self._stream(verb[0])
            case _:
                pass
        return ""

    async def _ask(self, url: str) -> ET.Element:
        form = [
            ("AccountSid", self.twilio.account_sid),
            ("CallSid", self.sid),
            ("From", self.caller),
            ("To", self.called),
            ("Direction", "inbound"),
            ("CallStatus", "ringing"),
        ]
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {
            "X-Twilio-Signature": sign(self.twilio.auth_token, url, form),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = await self.twilio.post(target, urlencode(form), headers)
        if answer is None or answer[0] != 200:
            self.end(f"error {answer and answer[0]}")
            return ET.Element("Response")
        return ET.fromstring(answer[1])  # noqa: S314  what our own worker wrote

    async def _stream(self, noun: ET.Element) -> None:
        url = noun.get("url", "")
        assert url.startswith("wss://"), "Twilio takes only wss"
        assert "?" not in url, "Twilio takes no query"
        if self.wrong_ports:
            self.wrong_ports -= 1
            self.twilio.next_worker()
            return
        parameters = {p.get("name", ""): p.get("value", "") for p in noun}
        assert all(len(name) + len(value) < 500 for name, value in parameters.items())
        socket = await self.twilio.open(urlsplit(url).path)
        if socket is None:
            return
        stream = Stream(self, socket, parameters)
        self.streams.append(stream)
        self.streaming.set()
        await stream.run()


class Stream:
    """One bidirectional media stream."""

    def __init__(
        self, call: PhoneCall, socket: aiohttp.ClientWebSocketResponse, parameters: dict[str, str]
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
        twilio = self.call.twilio
        start = {
            "accountSid": twilio.account_sid,
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
        twilio = self.call.twilio
        self.post("stop", {"stop": {"accountSid": twilio.account_sid, "callSid": self.call.sid}})
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
