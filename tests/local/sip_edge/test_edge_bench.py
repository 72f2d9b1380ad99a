"""The edge's conversation with a phone, step by step, in virtual time."""

import asyncio
from dataclasses import replace

import pytest

from switchboard_contract.sip_routing import DispatchRule, InboundTrunk
from switchboard_media.sip.digest import answer as digest_answer
from switchboard_media.sip.digest import parse_challenge
from switchboard_media.sip.message import Request, Response
from tests.local.sip_edge.harness import (
    NUMBER,
    RULE,
    SETTINGS,
    TRUNK,
    Bench,
    bench,
    in_dialog,
    invite,
    outcome,
    statuses,
)
from tests.support.virtual_time import run_virtual


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_trying_ringing_answer_in_this_order(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with bench() as b:
            await b.answered()
            assert statuses(b) == [100, 180, 200]

    run_virtual(main())
    assert outcome(caplog)["outcome"] == "shutdown"


def test_it_keeps_ringing_at_its_interval_while_no_agent_speaks() -> None:
    async def main() -> None:
        async with bench(settings=replace(SETTINGS, ring_again_s=1.0)) as b:
            b.send(invite())
            await b.settle(3.5)
            assert statuses(b) == [100, 180, 180, 180, 180]

    run_virtual(main())


def test_the_answer_waits_for_the_callers_own_track() -> None:
    async def main() -> None:
        async with bench(join_s=2.0) as b:
            b.send(invite())
            await b.settle(0.5)
            b.rooms[0].session.on_agent_heard()
            await b.settle(1.0)
            assert 200 not in statuses(b)
            await b.settle(1.0)
            assert statuses(b)[-1] == 200

    run_virtual(main())


def test_a_repeated_invite_makes_no_second_call() -> None:
    async def main() -> None:
        async with bench() as b:
            b.send(invite())
            b.send(invite())
            await b.settle(0.2)
            b.send(invite())
            assert len(b.rooms) == 1
            assert statuses(b) == [100, 100, 180, 180]

    run_virtual(main())


def test_an_answer_that_nobody_acknowledges_is_repeated_and_then_hung_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        patient = replace(SETTINGS, first_media_timeout_s=100.0)
        async with bench(settings=patient) as b:
            b.send(invite())
            await b.settle(0.1)
            b.rooms[0].session.on_agent_heard()
            await b.settle(33.0)
            assert statuses(b).count(200) > 5
            assert any(isinstance(m, Request) and m.method == "BYE" for m in b.log)

    run_virtual(main())
    assert outcome(caplog)["outcome"] == "never-acknowledged"


def test_the_room_ends_before_the_ack_and_the_bye_waits_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with bench() as b:
            request = invite()
            b.send(request)
            await b.settle(0.1)
            session = b.rooms[0].session
            session.on_agent_heard()
            response = await b.final()
            session.on_room_closed("room_deleted")
            await b.settle(0.2)
            assert not [m for m in b.news() if isinstance(m, Request)]
            sent = b.send(in_dialog("ACK", request, response, cseq=1))
            assert [m.method for m in sent if isinstance(m, Request)] == ["BYE"]
            assert sent[0].headers.get("Reason") == 'SIP;cause=200;text="room: room_deleted"'

    run_virtual(main())
    assert outcome(caplog)["outcome"] == "room-ended"


@pytest.mark.parametrize(
    ("to", "trunk", "rule", "status", "ended"),
    [
        ("+19", TRUNK, RULE, 404, "unrouted"),
        (NUMBER, replace(TRUNK, allowed_addresses=("10.0.0.1",)), RULE, 403, "forbidden"),
        (NUMBER, TRUNK, replace(RULE, trunk_ids=("ST_b",)), 404, "unrouted"),
        (NUMBER, TRUNK, replace(RULE, pin="1234"), 501, "pin-unsupported"),
    ],
)
def test_refusals_say_why(
    caplog: pytest.LogCaptureFixture,
    *,
    to: str,
    trunk: InboundTrunk,
    rule: DispatchRule,
    status: int,
    ended: str,
) -> None:
    async def main() -> None:
        async with bench(trunks=[trunk], rules=[rule]) as b:
            b.send(invite(to=to))
            response = await b.final()
            assert response.status == status
            assert (response.headers.get("Reason") or "").startswith(f"SIP;cause={status};text=")

    run_virtual(main())
    assert outcome(caplog)["outcome"] == ended


def test_ambiguous_trunks_are_the_servers_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with bench(trunks=[TRUNK, replace(TRUNK, id="ST_b")]) as b:
            b.send(invite())
            assert (await b.final()).status == 503

    run_virtual(main())
    assert outcome(caplog)["outcome"] == "ambiguous"


def test_livekit_out_of_reach_is_503(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with bench(tables_error=OSError("refused")) as b:
            b.send(invite())
            assert (await b.final()).status == 503

    run_virtual(main())
    assert outcome(caplog)["outcome"] == "livekit-unreachable"


def test_a_room_that_cannot_be_joined_is_503_and_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with bench(join_error=RuntimeError("no")) as b:
            b.send(invite())
            assert (await b.final()).status == 503
            await b.settle(0.1)
            assert b.rooms[0].asked == ["join", "leave"]

    run_virtual(main())
    assert outcome(caplog)["outcome"] == "join-failed"


def test_silence_where_told_to_be_silent_frees_the_transaction_in_the_end() -> None:
    async def main() -> None:
        async with bench(settings=replace(SETTINGS, drop_unrouted=True)) as b:
            b.send(invite(to="+19"))
            await b.settle(60.0)
            assert statuses(b) == [100, 180]
            await b.settle(300.0)
            assert statuses(b)[-1] == 408

    run_virtual(main())


def test_cancel_during_the_join_leaves_the_room_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with bench(join_s=1.0) as b:
            request = invite()
            b.send(request)
            await b.settle(0.2)
            b.news()
            cancel = Request("CANCEL", request.uri, request.headers.having("CSeq", "1 CANCEL"), b"")
            sent = [m.status for m in b.send(cancel) if isinstance(m, Response)]
            assert sent == [200, 487]
            await b.settle(2.0)
            assert b.rooms[0].asked == ["join", "leave"]
            assert b.edge.active_calls == 0

    run_virtual(main())
    assert outcome(caplog)["outcome"] == "cancelled"


def test_a_stop_does_not_wait_for_a_join_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> float:
        async with bench(join_s=3600.0) as b:
            b.send(invite())
            await b.settle(0.2)
            start = asyncio.get_running_loop().time()
            await b.edge.stop()
            assert statuses(b)[-1] == 503
        assert b.rooms[0].asked == ["join", "leave"]
        return asyncio.get_running_loop().time() - start

    assert run_virtual(main()) < 4.0
    assert outcome(caplog)["outcome"] == "shutdown"


def test_bye_ends_the_call_and_frees_everything(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with bench() as b:
            request, response, room = await b.answered()
            sent = b.send(in_dialog("BYE", request, response))
            assert [m.status for m in sent if isinstance(m, Response)] == [200]
            await b.settle(0.1)
            assert room.asked[-1] == "leave"
            assert b.ports.wires[0].closed
            assert b.edge.active_calls == 0
            again = b.send(in_dialog("BYE", request, response, cseq=3))
            assert [m.status for m in again if isinstance(m, Response)] == [481]

    run_virtual(main())
    assert outcome(caplog)["outcome"] == "caller-hung-up"


def test_one_call_too_many_is_told_to_come_later() -> None:
    async def main() -> None:
        async with bench() as b:
            for count in range(4):
                b.send(invite(branch=f"z9hG4bK{count}", call_id=f"call-{count}"))
            refused = await b.final()
            assert refused.status == 503
            assert refused.headers.get("Retry-After") == "2"
            await b.settle(1.0)
            assert len(b.rooms) == 3

    run_virtual(main())


def test_digest_needs_the_right_password() -> None:
    guarded = replace(TRUNK, auth_username="carrier", auth_password="right")

    async def attempt(b: Bench, password: str, cseq: int) -> int:
        b.send(invite(cseq=cseq, branch=f"z9hG4bKa{cseq}"))
        challenge = await b.final()
        assert challenge.status == 407
        asked = parse_challenge(challenge.headers.get("Proxy-Authenticate") or "")
        given = digest_answer(
            asked,
            username="carrier",
            password=password,
            method="INVITE",
            uri="sip:x",
            cnonce="c",
        )
        headers = [("Proxy-Authorization", str(given))]
        b.send(invite(cseq=cseq + 1, branch=f"z9hG4bKb{cseq}", headers=headers))
        await b.settle(0.1)
        return max(m.status for m in b.news() if isinstance(m, Response))

    async def main() -> None:
        async with bench(trunks=[guarded]) as b:
            assert await attempt(b, "wrong", 1) == 401
            assert await attempt(b, "right", 10) == 180

    run_virtual(main())
