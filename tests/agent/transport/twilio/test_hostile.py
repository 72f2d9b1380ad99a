"""Requests and streams that are not Twilio's: refused, counted, and harmless to the others."""

import asyncio
import base64
import json
import time
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from switchboard_agent.transport.twilio import server as server_module
from switchboard_agent.transport.twilio import ticket
from switchboard_agent.transport.twilio.stream import StreamLimits
from tests.agent.transport.twilio.rig import answer, greeted, system, until, voice_form
from tests.support.twilio_server import TwilioStandIn

# --- questions that are not Twilio's --------------------------------------------------------


async def test_question_is_believed_only_with_twilios_signature(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        assert (await answer(twilio, voice_form(twilio)))[0] == 200
        assert (await answer(twilio, voice_form(twilio), token="guess"))[0] == 403
        changed = urlencode(voice_form(twilio, From="+19995550000"))
        assert (await answer(twilio, voice_form(twilio), body=changed))[0] == 403
        assert worker.admission.held == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"To": "+15559999"}, 403),
        ({"AccountSid": "AC" + "9" * 32}, 403),
        ({"CallSid": "CA1\r\nSET x"}, 403),
        ({"CallSid": ""}, 403),
        ({f"f{n}": "" for n in range(101)}, 400),
        ({"Digits": "1" * 20_000}, 413),
    ],
)
async def test_question_out_of_bounds_is_refused(
    tmp_path: Path, changes: dict[str, str], status: int
) -> None:
    async with system(tmp_path) as (twilio, worker):
        assert (await answer(twilio, voice_form(twilio, **changes)))[0] == status
        assert worker.admission.held == 0


async def test_body_that_is_no_form_is_refused(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, _):
        for body in ("\xff\xfe", "%ff=%ff", "a" * 100, ""):
            assert (await answer(twilio, voice_form(twilio), body=body))[0] in {400, 403}


async def test_call_that_nobody_knows_is_hung_up_after_its_stream(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, _):
        status, document = await answer(twilio, voice_form(twilio), path="/twilio/after")
        assert status == 200
        assert "<Hangup />" in document


async def test_missing_auth_token_is_an_error_that_twilio_reports(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, _):
        (tmp_path / "auth-token").unlink()
        assert (await answer(twilio, voice_form(twilio)))[0] == 503


# --- streams that are not Twilio's ----------------------------------------------------------


def start(twilio: TwilioStandIn, token: str, call_sid: str = "CA" + "1" * 32) -> str:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    inner = {
        "accountSid": twilio.account_sid,
        "callSid": call_sid,
        "streamSid": "MZ1",
        "tracks": ["inbound"],
        "mediaFormat": form,
        "customParameters": {"token": token},
    }
    return json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": inner})


CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


async def token_of(twilio: TwilioStandIn) -> str:
    _, document = await answer(twilio, voice_form(twilio))
    return document.partition('value="')[2].partition('"')[0]


async def close_code(twilio: TwilioStandIn, messages: list[str | bytes]) -> int | None:
    """What the worker closes with after these messages; None while it does not."""
    url = twilio.workers[0] + "/reception/twilio/streams"
    async with twilio.session.ws_connect(url) as socket:
        for message in messages:
            if isinstance(message, str):
                await socket.send_str(message)
            else:
                await socket.send_bytes(message)
        try:
            async with asyncio.timeout(1.0):
                while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
        except TimeoutError:
            return None
        return socket.close_code


async def test_stream_needs_the_token_of_its_own_call_and_only_once(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        token = await token_of(twilio)
        other = await close_code(twilio, [CONNECTED, start(twilio, token, "CA" + "2" * 32)])
        assert other == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert await close_code(twilio, [CONNECTED, start(twilio, token)]) is None
        assert await close_code(twilio, [CONNECTED, start(twilio, token)]) == 1008
        for forged in ("", "x", token[:-2] + "AA", "." + token):
            assert await close_code(twilio, [CONNECTED, start(twilio, forged)]) == 1008
        assert worker.faults("token") == 6


async def test_token_out_of_date_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with system(tmp_path) as (twilio, worker):
        token = await token_of(twilio)
        late = time.time() + ticket.LIFETIME_SECONDS + 1
        monkeypatch.setattr(time, "time", lambda: late)
        assert await close_code(twilio, [CONNECTED, start(twilio, token)]) == 1008
        assert worker.faults("token") == 1


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        (["{"], "not_json"),
        (["[]"], "malformed"),
        ([CONNECTED, CONNECTED], "order"),
        ([CONNECTED, '{"event":"media"}'], "malformed"),
        ([b"\x00\x01"], "not_text"),
        (["x" * 20_000], "not_text"),
        ([CONNECTED, '{"event":"start"}'], "malformed"),
    ],
)
async def test_stranger_is_put_out_and_counted(
    tmp_path: Path, messages: list[str | bytes], fault: str
) -> None:
    async with system(tmp_path) as (twilio, worker):
        assert await close_code(twilio, messages) in {1008, 1009, 1006}
        assert worker.faults(fault) == 1
        assert worker.admission.held == 0


async def test_silent_stranger_is_put_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "StreamLimits", lambda: StreamLimits(start_seconds=0.1))
    async with system(tmp_path) as (twilio, worker):
        assert await close_code(twilio, [CONNECTED]) == 1008
        assert worker.faults("no_start") == 1


async def test_strangers_who_fill_all_places_keep_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_NEWCOMERS", 2)
    async with system(tmp_path) as (twilio, worker):
        url = twilio.workers[0] + "/twilio/streams"
        oldest, other = [await twilio.session.ws_connect(url) for _ in range(2)]
        call = await greeted(twilio)
        assert (await oldest.receive()).type is aiohttp.WSMsgType.CLOSE
        assert worker.faults("no_start") == 1
        assert not other.closed
        assert not call.ended.is_set()
        for socket in (oldest, other):
            await socket.close()


async def test_misbehaviour_in_a_call_ends_that_call_and_no_other(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        good = await greeted(twilio)
        bad = await greeted(twilio)
        second = base64.b64encode(bytes(8000)).decode()
        for _ in range(8):
            bad.streams[0].post("media", {"media": {"track": "inbound", "payload": second}})
        await bad.ended.wait()
        await until(lambda: worker.admission.held == 1)
        assert worker.faults("too_fast") == 1
        assert not good.ended.is_set()
        before = len(good.played)
        good.press("1")
        good.press("#")
        await until(lambda: len(good.played) > before)
