"""Bytes of strangers: nothing crashes the edge, all that is unreadable is counted."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard_local.sip_edge.signalling import MAX_DATAGRAM
from switchboard_media import dtmf, rtp
from tests.local.sip_edge.harness import PHONE, bench, invite
from tests.support.virtual_time import run_virtual

FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

_METHODS = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "FOO"]
_HEADERS = ["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Length", "Route", "X"]


@st.composite
def broken_requests(draw: st.DrawFn) -> bytes:
    """An INVITE with pieces changed, doubled, cut or torn."""
    data = bytes(invite(headers=[("Record-Route", "<sip:p;lr>")]))
    for _ in range(draw(st.integers(1, 4))):
        match draw(st.integers(0, 4)):
            case 0:
                data = data[: draw(st.integers(0, len(data)))]
            case 1:
                at = draw(st.integers(0, len(data)))
                data = data[:at] + draw(st.binary(max_size=20)) + data[at:]
            case 2:
                data = data.replace(b"INVITE", draw(st.sampled_from(_METHODS)).encode())
            case 3:
                name = draw(st.sampled_from(_HEADERS)).encode()
                data = data.replace(b"\r\n", b"\r\n" + name + b": x\r\n", 1)
            case _:
                name = draw(st.sampled_from(_HEADERS)).encode()
                data = data.replace(name + b":", b"Y:", 1)
    return data


@FEW
@given(st.lists(st.one_of(st.binary(max_size=300), broken_requests()), max_size=12))
def test_hostile_sip_never_breaks_the_code_behind_the_socket(datagrams: list[bytes]) -> None:
    async def main() -> None:
        async with bench() as b:
            for data in datagrams:
                b.edge.signalling.datagram_received(data, PHONE)
            await b.settle(0.5)
            counters = b.edge.signalling.counters
            assert counters.datagrams == len(datagrams)
            assert counters.failed == 0
            b.news()
            options = bytes(invite(branch="z9hG4bKlast")).replace(b"INVITE", b"OPTIONS")
            assert b.send(options)

    run_virtual(main())


def test_oversized_datagrams_are_counted_and_not_parsed() -> None:
    async def main() -> None:
        async with bench() as b:
            b.edge.signalling.datagram_received(b"x" * (MAX_DATAGRAM + 1), PHONE)
            assert b.edge.signalling.counters.malformed == 1
            assert b.wire.sent == []

    run_virtual(main())


_PACKETS = st.one_of(
    st.binary(max_size=60),
    st.binary(min_size=2049, max_size=2100),
    st.builds(
        lambda payload_type, sequence, timestamp, ssrc, payload: rtp.serialize(
            rtp.RtpPacket(payload_type, sequence, timestamp, ssrc, payload)
        ),
        st.sampled_from([0, 8, 9, 101, 13, 111]),
        st.integers(0, 65_535),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2),
        st.one_of(st.binary(max_size=400), st.just(dtmf.key_press("1")[0].payload)),
    ),
)


@FEW
@given(st.lists(_PACKETS, max_size=30))
def test_hostile_rtp_never_raises_and_floods_nobody(packets: list[bytes]) -> None:
    async def main() -> None:
        async with bench() as b:
            _, _, room = await b.answered()
            before = len(room.track.samples)
            for data in packets:
                b.ports.legs[0].datagram_received(data, PHONE)
            heard = len(room.track.samples) - before
            # At most each payload and, before each, the longest gap that is filled.
            assert heard <= len(packets) * (2 * 400 + 2 * 1600)
            await asyncio.sleep(0.1)  # virtual time
            assert b.edge.active_calls == 1

    run_virtual(main())


def test_a_flood_of_keys_is_bounded() -> None:
    async def main() -> None:
        async with bench() as b:
            _, _, room = await b.answered()
            payload = dtmf.key_press("1")[0].payload
            for number in range(500):
                packet = rtp.RtpPacket(101, number, number * 4000, 9, payload)
                b.ports.legs[0].datagram_received(rtp.serialize(packet), PHONE)
            await b.settle(0.5)
            assert 0 < len([asked for asked in room.asked if asked.startswith("press")]) <= 65

    run_virtual(main())
