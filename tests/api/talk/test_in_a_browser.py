"""Calls from a real browser to a real worker through a real LiveKit."""

import asyncio
import json
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from livekit.protocol import models, rtc
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration
from redis.asyncio import Redis

from switchboard_agent.admission import RefusalReason
from switchboard_agent.recordings import load_conversation
from switchboard_agent.transport.base import SAMPLE_RATE_HZ
from switchboard_api.talk.server import NoTicketError, TalkPage, serve
from switchboard_api.talk.ticket import LiveKitAccess, Ticket, issue
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import (
    CallEvent,
    CallStarted,
    Channel,
    Outcome,
    SlotsChanged,
    TurnHeard,
)
from switchboard_contract.call_record import CallRecord
from switchboard_local.ports import free_port
from switchboard_local.servers import LiveKitServer, RedisServer
from tests.agent.live.configs import agent_config, dispatch_metadata
from tests.agent.live.recovery_rig import codes_config
from tests.agent.live.rig import worker_rig
from tests.agent.live.worker_process import worker_process
from tests.support.browser import Page, browser
from tests.support.call_consumer import CallConsumer

pytestmark = pytest.mark.integration

POOL = "browser"
SILENCE_SECONDS = 6
"""Before the caller speaks: the greeting is over by then."""
VOICE_RMS = 0.02
"""Of a page's full scale: the agent's voice is five times as loud."""

LISTEN = """(() => {
  window.voiced = 0;
  const context = new AudioContext();
  const ear = new AnalyserNode(context, { fftSize: 1024 });
  const source = context.createMediaStreamSource(document.getElementById("voice").srcObject);
  source.connect(ear);
  const samples = new Float32Array(ear.fftSize);
  setInterval(() => {
    ear.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    window.voiced += rms > VOICE ? 20 : 0;
  }, 20);
})()""".replace("VOICE", str(VOICE_RMS))
"""Counts the milliseconds of voice that the caller can hear."""

STATE = "document.getElementById('state').dataset.state"
TEXT = "document.getElementById('state').textContent"
HEARING = f"['listening', 'speaking'].includes({STATE})"

CALL_WITHOUT_A_PAGE = """(async () => {
  const { Call } = await import("./call.js");
  const seen = [];
  await new Promise((done) => {
    const onState = (state, ended) => {
      seen.push(ended?.why ?? state);
      if (ended) done();
    };
    const ask = async () => (await fetch("call", { method: "POST" })).json();
    new Call({ onState, answerMs: 1000 }).start(ask);
  });
  return seen;
})()"""
SOME_REQUEST = """(async () => {
  const [{ encode }, { SignalRequest }] = await Promise.all(
    [import("./protobuf.js"), import("./messages.js")]);
  return [...encode(SignalRequest, { pingReq: { timestamp: 1795829894743, rtt: 0 } })];
})()"""
READ = """(async () => {
  const [{ decode }, { SignalResponse }] = await Promise.all(
    [import("./protobuf.js"), import("./messages.js")]);
  return decode(SignalResponse, new Uint8Array(BYTES));
})()"""
KINDS = {
    "string": {FieldDescriptor.CPPTYPE_STRING},
    "bool": {FieldDescriptor.CPPTYPE_BOOL},
    "int": {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_ENUM,
    },
}


def a_microphone(path: Path) -> Path:
    """Silence, a sentence, and silence again."""
    sentence = load_conversation().turns[0].pcm
    start = SILENCE_SECONDS * SAMPLE_RATE_HZ
    noise = np.random.default_rng(1).integers(-6, 6, start + 60 * SAMPLE_RATE_HZ, dtype=np.int16)
    noise[start : start + sentence.size] += sentence
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(noise.tobytes())
    return path


def click(button: str) -> str:
    return f"document.getElementById('{button}').click()"


def press(key: str) -> str:
    return f"""[...document.querySelectorAll("#keypad button")]
        .find((button) => button.textContent === "{key}").click()"""


@dataclass(frozen=True, slots=True)
class Records:
    """What the worker reports."""

    consumer: CallConsumer

    async def until(self, found: Callable[[CallEvent], bool]) -> None:
        async with asyncio.timeout(20):
            while not any(map(found, self.consumer.events)):
                await self.consumer.take()
                await asyncio.sleep(0.05)

    async def of(self, room: str) -> CallRecord:
        """The one record of a room's call, once it has ended."""
        async with asyncio.timeout(20):
            while not (ended := [r for r in self._in(room) if r.ended]):
                await self.consumer.take()
                await asyncio.sleep(0.05)
        (record,) = ended
        return record

    def _in(self, room: str) -> list[CallRecord]:
        records = self.consumer.records().values()
        return [r for r in records if r.started and r.started.room == room]


@asynccontextmanager
async def records(redis: RedisServer) -> AsyncIterator[Records]:
    async with Redis.from_url(redis.url) as client:
        consumer = CallConsumer(client, "browser-test")
        await consumer.open(start="$")
        yield Records(consumer)


@asynccontextmanager
async def page_of(livekit: LiveKitServer, config: AgentConfig) -> AsyncIterator[str]:
    """The page, as `switchboard talk` serves it for the dispatch rule of an agent."""
    access = LiveKitAccess(livekit.http_url, livekit.api_key, livekit.api_secret)
    agents = [RoomAgentDispatch(agent_name=POOL, metadata=dispatch_metadata(config))]

    async def ask() -> Ticket:
        room = RoomConfiguration(departure_timeout=2, agents=agents)
        return issue(access, "sb-smile-dental-codes", room)

    async with serve(TalkPage("smile-dental/codes", access.ws_url, ask), 0) as url:
        yield url


async def room_of(page: Page) -> str:
    text = await page.until("document.getElementById('room').textContent")
    return str(text).removeprefix("Room ")


async def test_a_caller_hears_is_understood_keys_and_hangs_up(
    tmp_path: Path, livekit: LiveKitServer, redis: RedisServer
) -> None:
    config = codes_config("codes")
    async with (
        worker_process(tmp_path, livekit, redis, config, pool=POOL, drain_seconds=0) as worker,
        page_of(livekit, config) as url,
        browser(tmp_path, a_microphone(tmp_path / "microphone.wav")) as page,
        records(redis) as told,
    ):
        await page.open(url)
        await page.run(click("call"))
        await page.until(HEARING)
        await page.run(LISTEN)
        await page.until(f"{STATE} === 'speaking'")
        await page.until("window.voiced > 900")
        await told.until(lambda e: isinstance(e, TurnHeard) and e.text != "")
        await page.until(f"{STATE} === 'speaking'")
        await page.until(f"{STATE} === 'listening'")
        for key in "101":
            await page.run(press(key))
        await page.type("#")
        await told.until(lambda e: isinstance(e, SlotsChanged))
        await page.run(click("hang-up"))
        assert await page.run(STATE) == "hung-up"
        first = await told.of(await room_of(page))

        await page.run(click("call"))
        await page.until(HEARING)
        room = await room_of(page)
        await told.until(lambda e: isinstance(e, CallStarted) and e.room == room)
        worker.process.terminate()
        await page.until(f"{STATE} === 'agent-hung-up'")
        second = await told.of(room)

    assert first.started is not None
    assert first.started.channel is Channel.ROOM
    assert first.started.agent == config.key
    assert first.turns[0].text == "hello i would like to book an appointment"
    assert first.turns[1].dtmf == "101"
    assert dict(first.slots) == {"codeOne": "101"}
    assert first.outcome is Outcome.CALLER_HUNG_UP
    assert second.outcome is Outcome.DRAINED
    assert second.call_id != first.call_id


async def test_a_caller_who_is_not_taken_is_told_so(tmp_path: Path, livekit: LiveKitServer) -> None:
    """Here: a browser is of no country, and the tenant takes calls from some only."""
    config = agent_config().model_copy(update={"tenant_countries": ("US",)})
    async with (
        worker_rig(livekit, config, pool=POOL) as rig,
        page_of(livekit, config) as url,
        browser(tmp_path, a_microphone(tmp_path / "microphone.wav")) as page,
    ):
        await page.open(url)
        await page.run(click("call"))
        await page.until(f"{STATE} === 'refused'")
        assert rig.refusals == [RefusalReason.COUNTRY]


async def test_a_caller_whom_nobody_answers_does_not_wait_for_ever(
    tmp_path: Path, livekit: LiveKitServer
) -> None:
    async with (
        page_of(livekit, agent_config()) as url,
        browser(tmp_path, a_microphone(tmp_path / "microphone.wav")) as page,
    ):
        await page.open(url)
        assert await page.run(CALL_WITHOUT_A_PAGE) == ["connecting", "waiting", "no-answer"]


async def test_what_stands_in_the_way_of_a_call_is_said(tmp_path: Path) -> None:
    refusals = ["smile-dental/codes takes no calls"]

    async def ask() -> Ticket:
        if refusals:
            raise NoTicketError(refusals.pop())
        return Ticket("nowhere", "token")

    nobody = f"ws://127.0.0.1:{free_port()}"
    sound = a_microphone(tmp_path / "microphone.wav")
    async with serve(TalkPage("smile-dental/codes", nobody, ask), 0) as url:
        async with browser(tmp_path / "with", sound) as page:
            await page.open(url)
            await page.run(click("call"))
            await page.until(f"{STATE} === 'no-ticket'")
            assert await page.run(TEXT) == "smile-dental/codes takes no calls"
            await page.run(click("call"))
            await page.until(f"{STATE} === 'unreachable'")
            assert "could not be reached" in await page.run(TEXT)
        async with browser(
            tmp_path / "denied", sound, "--use-fake-ui-for-media-stream=deny"
        ) as page:
            await page.open(url)
            await page.run(click("call"))
            await page.until(f"{STATE} === 'microphone-denied'")
        async with browser(tmp_path / "without", None) as page:
            await page.open(url)
            await page.run(click("call"))
            await page.until(f"{STATE} === 'no-microphone'")


async def test_the_messages_are_those_of_livekit(tmp_path: Path) -> None:
    async def ask() -> Ticket:
        raise NoTicketError("nobody calls")

    async with (
        serve(TalkPage("", "ws://127.0.0.1", ask), 0) as url,
        browser(tmp_path, None) as page,
    ):
        await page.open(url)
        found = json.loads(await page.run("import('./messages.js').then((m) => JSON.stringify(m))"))
        request = bytes(await page.run(SOME_REQUEST))
        response = rtc.SignalResponse(
            join=rtc.JoinResponse(
                ice_servers=[rtc.ICEServer(urls=["turn:a", "turn:b"], username="\u00fc")],
                ping_interval=300,
                server_version="skipped",
            )
        )
        read = await page.run(READ.replace("BYTES", str(list(response.SerializeToString()))))

    for message in (rtc.SignalRequest(), rtc.SignalResponse(), models.DataPacket()):
        compare(found.pop(message.DESCRIPTOR.name), cast("Descriptor", message.DESCRIPTOR))
    for name, enum in {
        "Target": rtc.SignalTarget,
        "TrackType": models.TrackType,
        "TrackSource": models.TrackSource,
        "DisconnectReason": models.DisconnectReason,
        "ParticipantKind": models.ParticipantInfo.Kind,
        "ParticipantState": models.ParticipantInfo.State,
    }.items():
        assert found.pop(name).items() <= dict(enum.items()).items()
    assert found == {}
    assert rtc.SignalRequest.FromString(request) == rtc.SignalRequest(
        ping_req=rtc.Ping(timestamp=1_795_829_894_743, rtt=0)
    )
    assert read == {
        "join": {
            "iceServers": [{"urls": ["turn:a", "turn:b"], "username": "\u00fc"}],
            "pingInterval": 300,
        }
    }


def compare(table: dict[str, Any], descriptor: Descriptor) -> None:
    """The page's table says of each field what LiveKit's schema says."""
    fields = {field.camelcase_name: field for field in descriptor.fields}
    for name, (number, kind) in table.items():
        field = fields[name]
        assert field.number == number, name
        assert field.is_repeated == isinstance(kind, list), name
        inner = kind[0] if isinstance(kind, list) else kind
        if isinstance(inner, dict):
            compare(inner, cast("Descriptor", field.message_type))
        else:
            assert field.cpp_type in KINDS[inner], name
