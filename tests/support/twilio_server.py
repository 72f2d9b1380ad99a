"""A stand-in for Twilio: it asks for TwiML, follows it, opens media streams, and has a Calls API.

It does what Twilio documents, on the wire: signed forms, `wss` messages with numbers in strings, a
queue that is played in real time, marks that come back when they were played or cleared, the next
verb when the server has closed a stream. Workers are asked in turn, as a Service does; `wss` to the
public host becomes `ws` to a worker, as behind an Ingress that ends TLS. A worker that cannot be
reached is passed over, as an Ingress does.
"""

import asyncio
import base64
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import aiohttp
from aiohttp import web

from switchboard_agent.transport.twilio.signature import sign
from tests.support.twilio_stream import FRAME_BYTES, FRAME_SECONDS, Stream

RING_SECONDS = 0.1
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
    refusal: tuple[int, int | None, str] | None = None
    """Status, error code and message that new calls are refused with."""
    hiccups: int = 0
    """Next questions about a call that are refused because there are too many."""
    retry_after: str = ""
    """Header of such a refusal."""
    unanswered: dict[str, str] = field(default_factory=dict)
    """Numbers that nobody answers, and the status that a call to them ends with."""
    placed: list[dict[str, str]] = field(default_factory=list)
    """Forms with which calls were begun through the API."""
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
        account = "/2010-04-01/Accounts/{account}"
        app.router.add_post(account + "/Calls.json", self._create)
        app.router.add_get(account + "/Calls/{call}.json", self._fetch)
        app.router.add_post(account + "/Calls/{call}.json", self._update)
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

    def _stranger(self, request: web.Request) -> web.Response | None:
        """What somebody hears who is not the account's owner."""
        pair = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        if request.headers.get("Authorization") == f"Basic {pair}":
            return None if request.match_info["account"] == self.account_sid else _error(404, 20404)
        return _error(401, 20003, "Authenticate")

    async def _create(self, request: web.Request) -> web.Response:
        """Begin a call: it rings, and whoever picks up is led to `Url`."""
        if (refused := self._stranger(request)) is not None:
            return refused
        if self.refusal is not None:
            response = _error(*self.refusal)
            if self.retry_after:
                response.headers["Retry-After"] = self.retry_after
            return response
        form = {name: str(value) for name, value in (await request.post()).items()}
        if missing := {"To", "From", "Url"} - set(form):
            return _error(400, 21205, f"missing: {missing}")
        self.placed.append(form)
        call = PhoneCall(self, f"CA{secrets.token_hex(16)}", form["From"], form["To"])
        call.direction, call.status = "outbound-api", "queued"
        self.calls[call.sid] = call
        call.ring(form["Url"], self.unanswered.get(call.called, ""))
        return web.json_response(call.resource, status=201)

    async def _fetch(self, request: web.Request) -> web.Response:
        if (refused := self._stranger(request)) is not None:
            return refused
        if self.hiccups:
            self.hiccups -= 1
            return _error(429, 20429, "Too Many Requests")
        call = self.calls.get(request.match_info["call"])
        return _error(404, 20404) if call is None else web.json_response(call.resource)

    async def _update(self, request: web.Request) -> web.Response:
        if (refused := self._stranger(request)) is not None:
            return refused
        call = self.calls.get(request.match_info["call"])
        if call is None:
            return _error(404, 20404)
        form = await request.post()
        if self.api_status == 200 and form.get("Status") == "completed":
            self.completed.append(call.sid)
            call.end("completed")
        return web.json_response({"sid": call.sid, "status": "completed"}, status=self.api_status)


def _error(status: int, code: int | None, message: str = "") -> web.Response:
    body = {"code": code, "message": message, "status": status}
    if code is None:
        return web.Response(status=status, text=message)
    return web.json_response(body, status=status)


class PhoneCall:
    """One call, from the dialled number to the end."""

    def __init__(self, twilio: TwilioStandIn, sid: str, caller: str, called: str) -> None:
        self.twilio = twilio
        self.account_sid = twilio.account_sid
        self.sid = sid
        self.caller = caller
        self.called = called
        self.direction = "inbound"
        self.status = "ringing"
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

    @property
    def resource(self) -> dict[str, str]:
        """The call as the API shows it."""
        return {
            "sid": self.sid,
            "status": self.status,
            "direction": self.direction,
            "from": self.caller,
            "to": self.called,
        }

    def ring(self, url: str, ends: str) -> None:
        """The phone of the called rings; `ends`: with which status, if nobody picks up."""
        self._task = asyncio.create_task(self._ring(url, ends))

    async def _ring(self, url: str, ends: str) -> None:
        await asyncio.sleep(RING_SECONDS)
        self.status = "ringing"
        await asyncio.sleep(RING_SECONDS)
        if ends:
            self.end(ends)
            return
        self.status = "in-progress"
        await self._follow(url)

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
        unanswered = self.reason if self.status in {"queued", "ringing"} else ""
        self.status = unanswered or "completed"
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
            ("Direction", self.direction),
            ("CallStatus", self.status),
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
