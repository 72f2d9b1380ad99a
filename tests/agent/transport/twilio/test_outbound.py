"""A worker's agent calls somebody: placed as the command does it, served as any call."""

import asyncio
from pathlib import Path

import pytest

from switchboard_agent.admission import RefusalReason
from switchboard_agent.dialog.base import Reply
from switchboard_agent.transport.twilio.placing import (
    Account,
    CallNotPlacedError,
    CallStatus,
    Obstacle,
    OutboundCall,
)
from switchboard_cli import call as command
from switchboard_contract.call_events import Channel, Direction, Outcome, TurnHeard
from switchboard_contract.line import WEBHOOK_PATH
from tests.agent.live.configs import agent_config
from tests.agent.transport.twilio.rig import NUMBER, PUBLIC_URL, Options, line, system, until
from tests.agent.transport.twilio.test_server import loud
from tests.support.speech_fakes import ScriptedAnswers, ScriptedStt
from tests.support.twilio_server import TwilioStandIn

CALLED = "+4930123456"
CALL = OutboundCall(CALLED, NUMBER, PUBLIC_URL + WEBHOOK_PATH, ring_seconds=20)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LOOK_SECONDS", 0.02)


async def place(
    twilio: TwilioStandIn, said: list[str], *, token: str = "", api_url: str = ""
) -> CallStatus:
    account = Account(twilio.account_sid, token or twilio.auth_token, api_url or twilio.api_url)
    return await command.follow(account, CALL, said.append)


async def test_whoever_picks_up_talks_to_the_agent_and_the_record_says_who_called(
    tmp_path: Path,
) -> None:
    answers = ScriptedAnswers([Reply("goodbye", end_call=True)])
    options: Options = {"make_dialog": lambda _: answers, "stt": ScriptedStt(["hello there"])}
    async with system(tmp_path, **options) as (twilio, worker):
        said: list[str] = []
        assert await place(twilio, said) is CallStatus.IN_PROGRESS
        (call,) = twilio.calls.values()
        assert said == [
            f"{call.sid}: {NUMBER} calls {CALLED}",
            f"{call.sid}: ringing",
            f"{call.sid}: in-progress",
        ]
        (form,) = twilio.placed
        assert form == {
            "To": CALLED,
            "From": NUMBER,
            "Url": PUBLIC_URL + WEBHOOK_PATH,
            "Method": "POST",
            "Timeout": "20",
        }
        await until(lambda: len(call.played) >= 800)
        call.say(loud(600))
        await call.ended.wait()
        await until(lambda: not worker.worker.calls_by_agent())
        started = worker.started
        assert (started.call_id, started.channel) == (call.sid, Channel.TWILIO)
        assert started.direction is Direction.OUTBOUND
        assert (started.caller, started.called) == (NUMBER, CALLED)
        assert [turn.text for turn in worker.events(TurnHeard)] == ["hello there"]
        assert worker.ended.outcome is Outcome.COMPLETED
        assert twilio.completed == [call.sid]


async def test_a_call_that_comes_in_is_still_inbound(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        call = twilio.dial(NUMBER)
        await until(lambda: bool(worker.records.events))
        assert worker.started.direction is Direction.INBOUND
        await call.hang_up()


async def test_a_broken_stream_of_an_outbound_call_is_resumed(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        await place(twilio, [])
        (call,) = twilio.calls.values()
        await until(lambda: len(call.played) >= 800)
        call.break_stream()
        async with asyncio.timeout(5):
            await call.streaming.wait()
        call.press("1")
        call.press("#")
        await until(lambda: len(worker.events(TurnHeard)) == 1)
        assert worker.started.direction is Direction.OUTBOUND
        await call.hang_up()


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_what_becomes_of_a_call_that_nobody_takes_is_told(
    tmp_path: Path, status: str
) -> None:
    async with system(tmp_path) as (twilio, worker):
        twilio.unanswered[CALLED] = status
        assert await place(twilio, []) is CallStatus(status)
        assert worker.records.events == []
        assert worker.admission.held == 0


async def test_a_moment_without_an_answer_of_the_api_ends_nothing(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, _):
        twilio.hiccups = 3
        twilio.unanswered[CALLED] = "busy"
        assert await place(twilio, []) is CallStatus.BUSY
        assert twilio.hiccups == 0


async def test_tenants_countries_hold_for_the_number_that_is_called(tmp_path: Path) -> None:
    for countries, picked_up in ((("US",), False), (("DE",), True)):
        config = agent_config().model_copy(update={"tenant_countries": countries})
        async with system(tmp_path, config=config) as (twilio, worker):
            await place(twilio, [])
            (call,) = twilio.calls.values()
            if picked_up:
                await until(lambda: bool(worker.records.events))
                await call.hang_up()
            else:
                await call.ended.wait()
                assert call.verbs == ["Hangup"]
                assert worker.refusals == [RefusalReason.COUNTRY]


async def test_a_suspended_line_hangs_up_on_whoever_picked_up(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        suspended = line(twilio, agent_config(), tmp_path / "auth-token", dispatch=None)
        worker.revisions.lines.put("line", suspended.to_json())
        await place(twilio, [])
        (call,) = twilio.calls.values()
        await call.ended.wait()
        assert call.verbs == ["Hangup"]


@pytest.mark.parametrize(
    ("refusal", "obstacle"),
    [
        ((400, 21211, "The 'To' number is not a valid phone number."), Obstacle.NUMBER),
        ((400, 21219, "'To' phone number not verified."), Obstacle.UNVERIFIED),
        ((400, 21210, "'From' is not verified."), Obstacle.CALLER_ID),
        ((400, 21215, "Geo permission."), Obstacle.COUNTRY),
        ((400, 99999, "Something new."), Obstacle.REFUSED),
        ((403, None, "forbidden"), Obstacle.CREDENTIALS),
        ((429, 20429, "Too Many Requests"), Obstacle.RATE),
        ((500, None, "<html>"), Obstacle.REFUSED),
    ],
)
async def test_a_refusal_is_told_with_what_to_do_about_it(
    refusal: tuple[int, int | None, str], obstacle: Obstacle
) -> None:
    twilio = TwilioStandIn(PUBLIC_URL, refusal=refusal)
    async with twilio.serve():
        with pytest.raises(CallNotPlacedError) as refused:
            await place(twilio, [])
    assert refused.value.obstacle is obstacle
    assert refused.value.retry_after_seconds is None
    assert str(obstacle) in str(refused.value)
    assert str(refusal[1] or refusal[0]) in str(refused.value)


async def test_too_many_calls_say_when_to_try_again() -> None:
    twilio = TwilioStandIn(PUBLIC_URL, refusal=(429, 20429, "Too Many"), retry_after="7")
    async with twilio.serve():
        with pytest.raises(CallNotPlacedError, match=r"again in 7 s") as refused:
            await place(twilio, [])
    assert refused.value.retry_after_seconds == 7


async def test_a_wrong_token_is_named_and_never_shown() -> None:
    twilio = TwilioStandIn(PUBLIC_URL)
    async with twilio.serve():
        with pytest.raises(CallNotPlacedError) as refused:
            await place(twilio, [], token="not-the-token")
    assert refused.value.obstacle is Obstacle.CREDENTIALS
    assert "not-the-token" not in repr(refused.value) + str(refused.value)
    assert "not-the-token" not in repr(Account("AC", "not-the-token", ""))


async def test_an_api_that_is_not_there_is_told() -> None:
    twilio = TwilioStandIn(PUBLIC_URL)
    with pytest.raises(CallNotPlacedError) as refused:
        await place(twilio, [], api_url="http://127.0.0.1:1")
    assert refused.value.obstacle is Obstacle.UNREACHABLE
