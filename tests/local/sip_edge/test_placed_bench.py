"""Placed calls step by step, in virtual time: what the phone is sent, and what comes back."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_local.sip_edge.edge import take_questions
from switchboard_local.sip_edge.outgoing_request import CannotPlaceError, read_request
from switchboard_media import dtmf, rtp, sdp
from switchboard_media.codec import CODECS, PCMU
from switchboard_media.sdp_audio import RtpAddress, offer_audio
from switchboard_media.sip.digest import Challenge
from switchboard_media.sip.message import Request
from switchboard_media.sip.responses import response_to
from tests.local.sip_edge.harness import PHONE, SETTINGS, bench, rtp_packet
from tests.local.sip_edge.placed_harness import (
    TAG,
    Asked,
    asking,
    dialled,
    of_phone,
    payload,
    picked_up,
    response,
    told,
)
from tests.support.virtual_time import run_virtual


def test_the_room_is_joined_before_the_phone_is_dialled_and_left_when_it_hangs_up() -> None:
    async def main() -> None:
        async with asking(payload()) as (b, asked):
            invite = await picked_up(b)
            assert b.rooms[0].asked == ["join"]
            assert await asked.answer() == b"\x0a\x08PA_phone\x12\x05human\x1a\x05SCL_1"
            assert told(b.send(of_phone(invite, "BYE", 1))) == [200]
            await b.settle(0.1)
            assert b.rooms[0].asked == ["join", "status active", "status hangup", "leave"]
            assert b.rooms[0].attributes == {
                "sip.callIDFull": invite.call_id,
                "sip.callTag": TAG,
            }
            assert b.edge.active_calls == 0
            assert b.ports.wires[0].closed

    run_virtual(main())


def test_a_join_that_fails_dials_nobody() -> None:
    async def main() -> None:
        async with bench(join_error=RuntimeError("no")) as b, asyncio.TaskGroup() as tasks:
            asked = Asked(b.edge, tasks, payload())
            assert (await asked.fault()).code == "internal"
            assert b.news() == []

    run_virtual(main())


@pytest.mark.parametrize(
    ("status", "code", "carried"),
    [
        (486, "resource_exhausted", 486),
        (404, "not_found", 404),
        (503, "failed_precondition", 503),
        (499, "invalid_argument", 499),
        (401, "failed_precondition", 0),
    ],
)
def test_a_refusal_goes_back_with_its_status(status: int, code: str, carried: int) -> None:
    async def main() -> None:
        async with asking(payload()) as (b, asked):
            invite = await dialled(b)
            assert told(b.send(response(invite, status))) == ["ACK"]
            fault = await asked.fault()
            assert (fault.code, fault.sip_status) == (code, carried)
            await b.settle(0.1)
            assert b.rooms[0].asked == ["join", "status hangup", "leave"]

    run_virtual(main())


def test_a_password_is_proved_once_and_again_only_for_a_stale_nonce() -> None:
    async def main() -> None:
        async with asking(payload(username="us", password="hush")) as (b, asked):
            invite = await dialled(b)
            numbers = []
            for stale in (False, True, False):
                challenge = Challenge(realm="r", nonce="n", stale=stale)
                sent = b.send(response(invite, 401, headers=[("WWW-Authenticate", str(challenge))]))
                again = [m for m in sent if isinstance(m, Request) and m.method == "INVITE"]
                numbers += [str(m.cseq) for m in again]
                invite = again[0] if again else invite
            assert numbers == ["2 INVITE", "3 INVITE"]
            assert "hush" not in str(invite.headers)
            assert (await asked.fault()).code == "failed_precondition"

    run_virtual(main())


def test_a_silent_trunk_is_given_up() -> None:
    async def main() -> None:
        async with asking(payload()) as (b, asked):
            await dialled(b)
            fault = await asked.fault()
            assert (fault.code, fault.sip_status) == ("canceled", 0)
            await b.settle(0.1)
            assert b.edge.active_calls == 0

    run_virtual(main())


def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() -> None:
    async def main() -> None:
        async with asking(payload(ringing_timeout={"seconds": 2})) as (b, asked):
            invite = await dialled(b)
            b.send(response(invite, 180))
            cancel = await b.until(lambda m: isinstance(m, Request) and m.method == "CANCEL")
            assert cancel.via.branch == invite.via.branch
            assert (await asked.fault()).code == "canceled"
            assert b.rooms[0].asked[-1] == "leave"
            sent = b.send(response(invite, 200))
            assert told(sent) == ["ACK", "BYE"]
            await b.settle(0.1)
            assert b.edge.active_calls == 0

    run_virtual(main())


def test_a_second_phone_that_is_picked_up_is_hung_up_on() -> None:
    async def main() -> None:
        async with asking(payload()) as (b, asked):
            invite = await picked_up(b)
            await asked.answer()
            again = b.send(response(invite, 200))
            assert told(again) == ["ACK"]
            other = b.send(response(invite, 200, tag="phone2"))
            assert told(other) == ["ACK", "BYE"]
            assert {m.recipient.tag for m in other} == {"phone2"}
            assert b.edge.active_calls == 1

    run_virtual(main())


@pytest.mark.parametrize("body", [b"", b"v=0\r\n", b"nonsense"])
def test_an_answer_without_sound_is_hung_up(body: bytes) -> None:
    async def main() -> None:
        async with asking(payload()) as (b, asked):
            invite = await dialled(b)
            sent = b.send(response(invite, 200, body=body))
            assert told(sent) == ["ACK", "BYE"]
            assert (await asked.fault()).code == "failed_precondition"

    run_virtual(main())


def test_removal_while_it_rings_is_a_cancel_and_while_it_talks_a_bye() -> None:
    async def main() -> None:
        async with asking(payload(wait_until_answered=False)) as (b, asked):
            invite = await dialled(b)
            await asked.answer()
            b.send(response(invite, 180))
            b.rooms[0].session.on_room_closed("removed")
            assert told(b.news()) == ["CANCEL"]
        async with asking(payload()) as (b, asked):
            await picked_up(b)
            await asked.answer()
            b.rooms[0].session.on_room_closed("removed")
            assert told(b.news()) == ["BYE"]
            await b.settle(0.1)
            assert "status hangup" not in b.rooms[0].asked

    run_virtual(main())


def test_sound_is_resampled_between_the_rooms_rate_and_the_codecs() -> None:
    async def main() -> None:
        async with asking(payload()) as (b, asked):
            await picked_up(b, [PCMU])
            await asked.answer()
            room, wire = b.rooms[0], b.ports.wires[0]
            before = len(room.track.samples)
            b.ports.legs[0].datagram_received(rtp_packet(1), PHONE)
            assert len(room.track.samples) - before == 320
            queue = room.mixer.add("agent")
            for _ in range(10):
                queue.push(np.full(320, 1000, np.int16))
            await b.settle(0.2)
            packets = [rtp.parse(data) for data, _ in wire.sent]
            assert {len(p.payload) for p in packets} == {160}
            assert {to for _, to in wire.sent} == {(PHONE[0], 4000)}
            heard = PCMU.make_decoder().decode(b"".join(p.payload for p in packets))
            assert 950 < np.abs(heard).max() < 1150

    run_virtual(main())


def test_keys_are_pressed_after_the_answer_with_pauses() -> None:
    async def main() -> None:
        async with asking(payload(dtmf="1ww2")) as (b, asked):
            await picked_up(b, [PCMU])
            await asked.answer()
            await b.settle(3.0)
            packets = [rtp.parse(data) for data, _ in b.ports.wires[0].sent]
            pressed = {
                p.timestamp: dtmf.parse(p.payload).key for p in packets if p.payload_type == 101
            }
            assert list(pressed.values()) == ["1", "2"]
            first, second = pressed
            assert second - first >= 8000

    run_virtual(main())


def test_a_reinvite_of_the_phone_is_answered_with_the_codec_in_use() -> None:
    async def main() -> None:
        async with asking(payload()) as (b, asked):
            invite = await picked_up(b, [PCMU])
            await asked.answer()
            elsewhere = RtpAddress(PHONE[0], 6000)
            offer = sdp.serialize(offer_audio(local=elsewhere, session_id=1, codecs=CODECS))
            (answer,) = b.send(of_phone(invite, "INVITE", 1, offer))
            assert told([answer]) == [200]
            (media,) = sdp.parse(answer.body).media
            assert [m.encoding for m in media.rtpmaps] == ["PCMU", "telephone-event"]
            await b.settle(0.1)
            assert b.ports.wires[0].sent[-1][1] == (PHONE[0], 6000)
            assert told(b.send(of_phone(invite, "INVITE", 2, b"nonsense"))) == [488]

    run_virtual(main())


def test_a_full_edge_and_a_stopping_one_take_no_more() -> None:
    async def main() -> None:
        async with asking(payload()) as (b, asked):
            assert b.edge.takes_more()
            await picked_up(b)
            assert not b.edge.takes_more()
            await asked.answer()
            stopping = asyncio.create_task(b.edge.stop())
            await asyncio.sleep(0)
            (bye,) = b.news()
            assert isinstance(bye, Request)
            b.send(response_to(bye, 200))
            await stopping
            assert not b.edge.takes_more()

    run_virtual(main())


def test_without_redis_calls_are_taken_in_only_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with bench() as b:
            await take_questions(b.edge, SETTINGS)

    caplog.set_level("INFO")
    run_virtual(main())
    said = [r.getMessage() for r in caplog.records if "Redis" in r.getMessage()]
    assert said == ["no Redis is named: calls are taken in, none are placed"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"call_to": ""}, "invalid_argument"),
        ({"call_to": "a@b"}, "invalid_argument"),
        ({"address": ""}, "invalid_argument"),
        ({"address": "sip:carrier"}, "invalid_argument"),
        ({"address": "carrier;transport=tcp"}, "invalid_argument"),
        ({"transport": 2}, "unimplemented"),
        ({"media_encryption": 2}, "unimplemented"),
        ({"media": b"\x08\x01\x12\x06\x0a\x04opus"}, "failed_precondition"),
        ({"media": b"\xff"}, "malformed_request"),
    ],
)
def test_what_cannot_be_dialled_is_told(more: dict[str, object], code: str) -> None:
    with pytest.raises(CannotPlaceError) as raised:
        read_request(payload(**more))
    assert raised.value.fault.code == code


@pytest.mark.parametrize(
    "more",
    [{"display_name": "a\r\nb"}, {"hostname": "a>b"}, {"headers": {"X": "a\r\nVia: b"}}],
    ids=["name", "host", "header"],
)
def test_nothing_is_smuggled_into_the_invite(more: dict[str, object]) -> None:
    async def main() -> None:
        async with asking(payload(**more)) as (b, asked):
            assert (await asked.fault()).code == "invalid_argument"
            assert b.news() == []

    run_virtual(main())


def test_headers_of_sips_own_are_not_set_by_a_trunk() -> None:
    async def main() -> None:
        headers = {"Via": "x", "content-length": "9", "X-Ok": "yes", "Bad Name": "no"}
        async with asking(payload(headers=headers, display_name="")) as (b, _):
            invite = await dialled(b)
            assert len(invite.headers.lines("Via")) == 1
            assert invite.headers.get("X-Ok") == "yes"
            assert "Bad Name" not in invite.headers
            assert invite.sender.display_name == ""

    run_virtual(main())


RESPONSES = st.lists(
    st.tuples(
        st.sampled_from([100, 180, 183, 200, 202, 302, 401, 407, 486, 487, 503, 603]),
        st.sampled_from(["", "phone1", "phone2"]),
        st.sampled_from([b"", b"nonsense", None]),
        st.floats(0.0, 3.0),
    ),
    max_size=8,
)


@given(RESPONSES)
def test_whatever_the_phone_says_the_server_is_told_once_and_nothing_breaks(
    said: list[tuple[int, str, bytes | None, float]],
) -> None:
    async def main() -> None:
        wanted = payload(username="us", password="hush", ringing_timeout={"seconds": 5})
        async with asking(wanted) as (b, asked):
            invite = await dialled(b)
            for status, tag, body, after_s in said:
                headers = [("WWW-Authenticate", 'Digest realm="r", nonce="n"')]
                b.send(response(invite, status, tag=tag, headers=headers, body=body))
                await b.settle(after_s)
            await b.settle(60.0)
            assert asked.task.done()
            assert b.edge.signalling.counters.failed == 0
            assert b.edge.active_calls == 0

    run_virtual(main())
