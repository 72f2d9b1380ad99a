"""What a call over a Twilio media stream costs a worker: `python -m tests.bench.twilio_calls`.

The worker is a process of its own: real engine with the real detector, call events to a real Redis,
real HTTP and WebSockets on loopback; providers are fakes that take STT 100, dialog 150 and first
audio 80 ms, as in `bench_engine`. The callers are another process, so that they are in no figure:
half-duplex, a recorded sentence whenever the agent has been silent for a while. Writes
out/bench/twilio.json, one row for each number of calls, to where no more can be set up.
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import aiohttp
import uvloop

from switchboard_agent.recordings import load_conversation
from switchboard_agent.transport.twilio.signature import HEADER, sign
from switchboard_local.servers import redis_server
from switchboard_media.g711 import ulaw_encode
from switchboard_media.resample import resample
from tests.bench.twilio_worker import ACCOUNT, NUMBER, PUBLIC_URL, TOKEN

ROOT = Path(__file__).parents[2]
CALLS = (10, 50, 100, 150, 200)
WARM_SECONDS = 4.0
"""Between the last answer and the first figure."""
STARTS_PER_SECOND = 20
SET_UP_SECONDS = 10.0
"""A call that takes longer to come about finds the worker full."""
GAP_SECONDS = (0.06, 0.5)
"""Silence inside the agent's speech that a caller would notice; turns lie further apart."""

_FRAME_SECONDS = 0.02
_FRAME_BYTES = 160
_POLITE_FRAMES = 40
_MEDIA = '{"event":"media"'
_MARK = '{"event":"mark"'
_SILENCE = base64.b64encode(b"\xff" * _FRAME_BYTES).decode()

Row = dict[str, float | str]


@cache
def sentences() -> list[list[str]]:
    """Recorded speech as payloads, one a frame; made once, not while calls are live."""
    found = []
    for turn in load_conversation().turns[:5]:
        sound = ulaw_encode(resample(turn.pcm, 16_000, 8000))
        whole = len(sound) - len(sound) % _FRAME_BYTES
        starts = range(0, whole, _FRAME_BYTES)
        found.append([base64.b64encode(sound[s : s + _FRAME_BYTES]).decode() for s in starts])
    return found


@dataclass(slots=True)
class Caller:
    """Speaks whenever the agent has been silent for a while."""

    socket: aiohttp.ClientWebSocketResponse
    sid: str
    speech: list[list[str]]
    phase: int
    sequence: int = 1
    quiet_frames: int = 0
    turn: int = 0
    saying: list[str] = field(default_factory=list)
    heard_at: float = 0.0
    gaps: int = 0

    async def send_frame(self) -> None:
        """One frame to the worker."""
        self.quiet_frames += 1
        if not self.saying and self.quiet_frames > _POLITE_FRAMES + self.phase:
            self.saying = list(reversed(self.speech[self.turn % len(self.speech)]))
            self.turn += 1
            self.quiet_frames = -1_000_000
        payload = self.saying.pop() if self.saying else _SILENCE
        body = f'"media":{{"track":"inbound","payload":"{payload}"}}'
        await self.post("media", body)

    async def post(self, event: str, body: str) -> None:
        """A message of this stream."""
        self.sequence += 1
        await self.socket.send_str(
            f'{{"event":"{event}","sequenceNumber":"{self.sequence}",'
            f'"streamSid":"{self.sid}",{body}}}'
        )

    async def listen(self) -> None:
        """Count what the agent says; give marks back as played."""
        loop = asyncio.get_running_loop()
        async for message in self.socket:
            if message.data.startswith(_MEDIA):
                now = loop.time()
                self.gaps += GAP_SECONDS[0] < now - self.heard_at < GAP_SECONDS[1]
                self.heard_at = now
                self.quiet_frames = 0
            elif message.data.startswith(_MARK):
                name = json.loads(message.data)["mark"]["name"]
                await self.post("mark", f'"mark":{{"name":"{name}"}}')


async def dial(session: aiohttp.ClientSession, url: str, number: int) -> Caller:
    """A call whose stream stands."""
    sid = f"CA{secrets.token_hex(16)}"
    form = [
        ("AccountSid", ACCOUNT),
        ("CallSid", sid),
        ("From", f"+1555{number:07d}"),
        ("To", NUMBER),
    ]
    headers = {
        HEADER: sign(TOKEN, f"{PUBLIC_URL}/twilio/voice", form),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    async with session.post(f"{url}/twilio/voice", data=urlencode(form), headers=headers) as answer:
        document = ET.fromstring(await answer.text())  # noqa: S314  of our own worker
    parameter = document.find("Connect/Stream/Parameter")
    if parameter is None:
        raise RuntimeError(f"call {number} was refused")
    socket = await session.ws_connect(f"{url}/twilio/streams", max_msg_size=0)
    stream = f"MZ{secrets.token_hex(16)}"
    start = {
        "accountSid": ACCOUNT,
        "callSid": sid,
        "streamSid": stream,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": parameter.get("value")},
    }
    await socket.send_str('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    head = {"event": "start", "sequenceNumber": "1", "streamSid": stream}
    await socket.send_str(json.dumps(head | {"start": start}))
    return Caller(socket, stream, sentences(), phase=number * 7 % 150)


async def pump(callers: list[Caller]) -> None:
    """All callers on one timer, spread over the frame as independent phones would be."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        for part in range(4):
            for caller in callers[part::4]:
                await caller.send_frame()
            due += _FRAME_SECONDS / 4
            await asyncio.sleep(max(0.0, due - loop.time()))


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """The worker, and what it says about itself."""

    process: asyncio.subprocess.Process
    url: str

    async def figures(self) -> dict[str, float]:
        """CPU seconds and RSS so far, and the loop lag since the last question."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the worker was started without pipes")
        self.process.stdin.write(b"\n")
        figures: dict[str, float] = json.loads(await self.process.stdout.readline())
        return figures


@asynccontextmanager
async def worker(calls: int) -> AsyncIterator[WorkerProcess]:
    """A worker with places for so many calls."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        redis = await stack.enter_async_context(redis_server(folder))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.bench.twilio_worker", redis.url, str(calls + 1), str(folder)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            if process.stdout is None:
                raise RuntimeError("the worker was started without pipes")
            port = int(await process.stdout.readline())
            yield WorkerProcess(process, f"http://127.0.0.1:{port}")
        finally:
            process.kill()
            await process.wait()


async def measured(calls: int, seconds: float) -> Row:
    """One level of load. Raises `TimeoutError` if a call does not come about."""
    async with (
        worker(calls) as one,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        _running() as tasks,
    ):
        callers = [await dial(session, one.url, 0)]
        tasks.append(asyncio.ensure_future(pump(callers)))
        tasks.append(asyncio.ensure_future(callers[0].listen()))
        await asyncio.sleep(WARM_SECONDS)
        before = await one.figures()
        for number in range(1, calls):
            async with asyncio.timeout(SET_UP_SECONDS):
                callers.append(await dial(session, one.url, number))
            tasks.append(asyncio.ensure_future(callers[-1].listen()))
            await asyncio.sleep(1 / STARTS_PER_SECOND)
        await asyncio.sleep(WARM_SECONDS)
        begun, gaps = await one.figures(), sum(caller.gaps for caller in callers)
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        ended, wall = await one.figures(), time.perf_counter() - began
        gaps = sum(caller.gaps for caller in callers) - gaps
        if lost := sum(caller.socket.closed for caller in callers):
            raise RuntimeError(f"{lost} of {calls} calls were lost: the figures say nothing")
    return {
        "transport": "twilio",
        "sdk": "ours",
        "calls": calls,
        "worker_mcore_per_call": round(1000 * (ended["cpu"] - begun["cpu"]) / wall / calls, 2),
        "rss_mb_per_call": round((ended["rss_mb"] - before["rss_mb"]) / max(1, calls - 1), 3),
        "loop_lag_ms_p99": round(ended["lag_ms_p99"], 2),
        "gaps_per_call_s": round(gaps / wall / calls, 3),
    }


@asynccontextmanager
async def _running() -> AsyncIterator[list[asyncio.Future[None]]]:
    """Tasks that end with the block; what goes wrong in them is the worker's, and shows there."""
    tasks: list[asyncio.Future[None]] = []
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def measure(calls: int, seconds: float) -> Row | None:
    """One row of the table; None if the worker does not hold so many."""
    try:
        return uvloop.run(measured(calls, seconds))
    except TimeoutError:
        return None


def main() -> None:
    """Print a row for each number of calls and write all as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="+", default=list(CALLS))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--out", type=Path, default=ROOT / "out/bench/twilio.json")
    args = parser.parse_args()
    rows = []
    for calls in args.calls:
        row = measure(calls, args.seconds)
        if row is None:
            print(f"one process does not hold {calls} calls", flush=True)  # noqa: T201 its output
            break
        rows.append(row)
        print(row, f"load {os.getloadavg()[0]:.1f}", flush=True)  # noqa: T201 its output
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
