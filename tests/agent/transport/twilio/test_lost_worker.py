"""A call whose worker died: Twilio asks again, and the peer that was given the call goes on."""

import asyncio
import time
from pathlib import Path

import pytest

from switchboard_agent.dialog.scripted import ScriptedDialog
from switchboard_agent.recovery.book import Claim
from switchboard_agent.transport.twilio import transport as transport_module
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.call_events import (
    CallEnded,
    CallRecovered,
    Channel,
    Outcome,
    ReplySpoken,
)
from switchboard_contract.recovery import EPOCH_STRIDE, CallSnapshot, ScriptMemory
from tests.agent.live.configs import agent_config
from tests.agent.transport.twilio.rig import (
    NUMBER,
    Options,
    answer,
    greeted,
    line,
    system,
    until,
    voice_form,
)
from tests.agent.transport.twilio.test_hostile import CONNECTED, start
from tests.agent.worker.fakes import FakeQuota
from tests.support.twilio_server import PhoneCall, TwilioStandIn

SID = "CA" + "7" * 32
CONFIG = agent_config(concurrent_calls=1)
OTHERS_NUMBER = "+15550199"


def lost_call(*, overdue: bool = False) -> Claim:
    """What the book hands out of a call whose worker has died."""
    snapshot = CallSnapshot(
        call_id=SID,
        job_id=f"{SID}:dead",
        channel=Channel.TWILIO,
        room="",
        dispatch=DispatchMetadata(agent=CONFIG.key, revision=CONFIG.revision),
        caller="+15550123",
        called=NUMBER,
        started_unix_ms=round(time.time() * 1000),
        turns=1,
        dialog=ScriptMemory(stage="idle"),
    )
    return Claim(SID, 2, 150, overdue, snapshot.model_dump_json(by_alias=True))


def as_shipped(quota: FakeQuota) -> Options:
    return {"make_dialog": ScriptedDialog, "config": CONFIG, "quota": quota}


def asking_again(twilio: TwilioStandIn) -> PhoneCall:
    """The call at Twilio, whose stream broke."""
    call = PhoneCall(twilio, SID, "+15550123", NUMBER)
    twilio.calls[SID] = call
    call.begin("/twilio/after?try=1")
    return call


async def test_call_goes_on_with_a_bridging_phrase_and_counts_once(tmp_path: Path) -> None:
    quota = FakeQuota()
    async with system(tmp_path, **as_shipped(quota)) as (twilio, worker):
        worker.worker.take_up(lost_call())
        await until(lambda: quota.held == {f"{SID}:dead"})
        call = asking_again(twilio)
        await until(lambda: len(worker.events(ReplySpoken)) == 1)
        assert worker.events(ReplySpoken)[0].text.startswith("Sorry, I lost you for a moment.")
        assert call.verbs == ["Connect"]
        assert quota.held == {f"{SID}:dead"}
        assert worker.worker.calls_by_agent() == {CONFIG.key: 1}
        await call.hang_up()
        await until(lambda: worker.admission.held == 0)
        first, last = worker.records.events[0], worker.records.events[-1]
        assert isinstance(first, CallRecovered)
        assert first.sequence == 2 * EPOCH_STRIDE
        assert isinstance(last, CallEnded)
        assert last.outcome is Outcome.CALLER_HUNG_UP
        assert not quota.held


async def test_call_whose_caller_is_gone_gets_its_last_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "RESUME_SECONDS", 0.2)
    quota = FakeQuota()
    async with system(tmp_path, **as_shipped(quota)) as (twilio, worker):
        worker.worker.take_up(lost_call())
        await until(lambda: len(worker.records.events) == 1)
        assert worker.ended.outcome is Outcome.WORKER_LOST
        await until(lambda: not quota.held)
        call = asking_again(twilio)
        await call.ended.wait()
        assert call.verbs == ["Hangup"]
        assert len(worker.records.events) == 1


async def test_call_that_nobody_had_a_place_for_is_ended_at_twilio(tmp_path: Path) -> None:
    async with system(tmp_path, **as_shipped(FakeQuota())) as (twilio, worker):
        call = PhoneCall(twilio, SID, "+15550123", NUMBER)
        twilio.calls[SID] = call
        worker.worker.take_up(lost_call(overdue=True))
        await until(lambda: len(worker.records.events) == 1)
        assert worker.ended.outcome is Outcome.WORKER_LOST
        assert twilio.completed == [SID]


async def test_worker_that_lost_its_call_leaves_the_caller_alone(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        call = await greeted(twilio)
        worker.worker.let_go(f"{call.sid}:worker-1")
        await until(lambda: worker.admission.held == 0)
        assert worker.ended.outcome is Outcome.REMOVED
        assert twilio.completed == []


async def test_forged_question_gets_no_stream_of_a_lost_call(tmp_path: Path) -> None:
    async with system(tmp_path, **as_shipped(FakeQuota())) as (twilio, worker):
        worker.worker.take_up(lost_call())
        form = voice_form(twilio, CallSid=SID)
        assert (await answer(twilio, form, path="/twilio/after", token="guess"))[0] == 403


async def test_another_agents_number_opens_no_stream_of_a_call(tmp_path: Path) -> None:
    async with system(tmp_path) as (twilio, worker):
        call = await greeted(twilio)
        other = line(twilio, agent_config(name="other"), tmp_path / "auth-token")
        changed = other.model_copy(update={"numbers": (OTHERS_NUMBER,)})
        worker.revisions.lines.put("other", changed.to_json())
        form = voice_form(twilio, CallSid=call.sid, To=OTHERS_NUMBER)
        _, document = await answer(twilio, form, path="/twilio/after")
        assert "<Hangup />" in document
        _, document = await answer(twilio, form)
        token = document.partition('value="')[2].partition('"')[0]
        async with twilio.session.ws_connect(f"{worker.url}/twilio/streams") as socket:
            await socket.send_str(CONNECTED)
            await socket.send_str(start(twilio, token, call.sid))
            async with asyncio.timeout(5):
                await socket.receive()
        assert worker.faults("token") == 1
        assert not call.ended.is_set()
        await call.hang_up()
