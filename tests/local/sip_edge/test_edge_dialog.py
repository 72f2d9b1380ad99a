"""The edge within a call: sound, keys, re-INVITEs and ends, in virtual time."""

import asyncio
import itertools
from dataclasses import replace

import numpy as np
import pytest

from switchboard_contract.sip_routing import InboundTrunk
from switchboard_local.sip_edge.mixer import START_FRAMES
from switchboard_media import dtmf, rtp, sdp
from switchboard_media.codec import PCMU
from switchboard_media.sdp import Direction
from switchboard_media.sdp_audio import RtpAddress, offer_audio
from switchboard_media.sip.message import Request, Response
from tests.local.sip_edge.harness import (
    PHONE,
    TRUNK,
    bench,
    in_dialog,
    invite,
    outcome,
    rtp_packet,
    statuses,
)
from tests.support.virtual_time import run_virtual


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_the_room_hears_the_caller_from_the_answer_on_and_silence_before() -> None:
    async def main() -> None:
        async with bench() as b:
            b.send(invite(codecs=[PCMU]))
            await b.settle(0.2)
            leg, room = b.ports.legs[0], b.rooms[0]
            leg.datagram_received(rtp_packet(1), PHONE)
            assert len(room.track.samples) > 0
            assert not room.track.samples.any()
            room.session.on_agent_heard()
            before = len(room.track.samples)
            for sequence in (2, 3, 5, 4, 5):
                leg.datagram_received(rtp_packet(sequence), PHONE)
            # Packets 2, 3, silence for the missing 4, then 5; what came late is left out.
            assert len(room.track.samples) - before == 4 * 160
            await b.settle(0.1)
            assert "status active" in room.asked

    run_virtual(main())


def test_the_phone_gets_a_packet_each_20_ms_sound_or_not() -> None:
    async def main() -> None:
        async with bench() as b:
            _, _, room = await b.answered()
            wire = b.ports.wires[0]
            await b.settle(0.2)
            start = len(wire.sent)
            await b.settle(1.0)
            assert len(wire.sent) - start == 50
            queue = room.mixer.add("agent")
            rate = 320
            for _ in range(START_FRAMES + 1):
                queue.push(np.full(rate, 1000, np.int16))
            await b.settle(0.1)
            packets = [rtp.parse(data) for data, _ in wire.sent]
            assert [p.sequence - packets[0].sequence for p in packets] == list(range(len(packets)))
            steps = {(b_.timestamp - a.timestamp) % 2**32 for a, b_ in itertools.pairwise(packets)}
            assert steps == {160}
            assert {to for _, to in wire.sent} == {("192.0.2.7", 4000)}

    run_virtual(main())


def test_keys_of_both_sides_reach_the_other() -> None:
    async def main() -> None:
        async with bench() as b:
            _, _, room = await b.answered()
            leg, wire = b.ports.legs[0], b.ports.wires[0]
            for index, packet in enumerate(dtmf.key_press("7")):
                data = rtp.RtpPacket(101, 50 + index, 9000, 77, packet.payload, packet.marker)
                leg.datagram_received(rtp.serialize(data), PHONE)
            room.session.on_room_key("9")
            await b.settle(0.5)
            assert room.asked.count("press 7") == 1
            events = [p for data, _ in wire.sent if (p := rtp.parse(data)).payload_type == 101]
            assert {dtmf.parse(p.payload).key for p in events} == {"9"}
            assert len({p.timestamp for p in events}) == 1

    run_virtual(main())


def test_hostile_keys_of_the_room_are_left_out() -> None:
    async def main() -> None:
        async with bench() as b:
            _, _, room = await b.answered()
            for key in ("", "xx", "é", "\n"):
                room.session.on_room_key(key)
            await b.settle(0.1)
            packets = [rtp.parse(data) for data, _ in b.ports.wires[0].sent]
            assert {p.payload_type for p in packets} == {9}

    run_virtual(main())


def test_reinvite_moves_the_target_keeps_the_answer_and_can_hold() -> None:
    async def main() -> None:
        async with bench() as b:
            request, response, _ = await b.answered()
            elsewhere = RtpAddress("192.0.2.8", 5000)
            offer = sdp.serialize(offer_audio(local=elsewhere, session_id=1))
            again = b.send(in_dialog("INVITE", request, response, cseq=2, body=offer))
            assert isinstance(again[0], Response)
            assert (again[0].status, again[0].body) == (200, response.body)
            await b.settle(0.1)
            assert b.ports.wires[0].sent[-1][1] == ("192.0.2.8", 5000)
            hold = offer_audio(local=elsewhere, session_id=1, direction=Direction.SENDONLY)
            b.send(in_dialog("INVITE", request, response, cseq=3, body=sdp.serialize(hold)))
            await b.settle(0.1)
            held = len(b.ports.wires[0].sent)
            await b.settle(0.5)
            assert len(b.ports.wires[0].sent) == held

    run_virtual(main())


@pytest.mark.parametrize(
    ("cseq", "body", "status"),
    [
        (2, b"nonsense", 488),
        (2, b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 evil\r\nm=audio 9 RTP/AVP 9\r\n", 488),
        (0, b"", 500),
    ],
    ids=["no-sdp", "host-name", "old-cseq"],
)
def test_a_bad_reinvite_is_refused_and_the_call_goes_on(
    cseq: int, body: bytes, status: int
) -> None:
    async def main() -> None:
        async with bench() as b:
            request, response, _ = await b.answered()
            again = b.send(in_dialog("INVITE", request, response, cseq=cseq, body=body))
            assert [m.status for m in again if isinstance(m, Response)] == [status]
            bye = b.send(in_dialog("BYE", request, response, cseq=9))
            assert [m.status for m in bye if isinstance(m, Response)] == [200]

    run_virtual(main())


def test_reinvite_before_the_answer_is_pending() -> None:
    async def main() -> None:
        async with bench() as b:
            request = invite()
            b.send(request)
            await b.settle(0.1)
            ringing = next(
                m for m in b.log + b.news() if isinstance(m, Response) and m.status == 180
            )
            again = b.send(in_dialog("INVITE", request, ringing))
            assert [m.status for m in again if isinstance(m, Response)] == [491]

    run_virtual(main())


def test_an_invite_without_contact_or_tag_is_a_bad_request() -> None:
    async def main() -> None:
        async with bench() as b:
            request = invite()
            bare = Request("INVITE", request.uri, request.headers.without("Contact"), request.body)
            b.send(bare)
            untagged = request.headers.having("From", "<sip:a@b>").having(
                "Via", "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKother;rport"
            )
            b.send(Request("INVITE", request.uri, untagged, request.body))
            assert statuses(b) == [400, 400]

    run_virtual(main())


def test_answers_go_to_the_source_whatever_the_via_claims() -> None:
    async def main() -> None:
        async with bench() as b:
            via = "SIP/2.0/UDP evil.example;branch=z9hG4bKx;maddr=other.example"
            request = invite()
            b.send(Request("INVITE", request.uri, request.headers.having("Via", via), b""))
            await b.settle(0.1)
            assert {host for _, (host, _) in b.wire.sent} == {PHONE[0]}

    run_virtual(main())


def test_a_silent_caller_and_an_endless_call_are_hung_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main(trunk: InboundTrunk, *, talks: bool) -> float:
        async with bench(trunks=[trunk]) as b:
            await b.answered()
            start = asyncio.get_running_loop().time()
            for sequence in range(400):
                if talks:
                    b.ports.legs[0].datagram_received(rtp_packet(sequence), PHONE)
                await b.settle(0.1)
                if not b.edge.active_calls:
                    break
            return asyncio.get_running_loop().time() - start

    assert run_virtual(main(TRUNK, talks=False)) == pytest.approx(30.0, abs=0.2)
    assert outcome(caplog)["outcome"] == "media-timeout"
    bounded = replace(TRUNK, max_call_duration_s=12.0)
    assert run_virtual(main(bounded, talks=True)) == pytest.approx(12.0, abs=0.2)
    assert outcome(caplog)["outcome"] == "max-duration"
