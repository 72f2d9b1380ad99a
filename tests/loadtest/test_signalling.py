import pytest

from switchboard_loadtest.datagrams import Datagram
from switchboard_loadtest.signalling import CallLeg, EndedBy, from_trace, read

_CALLER, _AGENT = ("192.0.2.1", 5070), ("192.0.2.2", 5060)
_MS = 1_000_000
_INVITE = (
    "INVITE sip:+15550100@192.0.2.2 SIP/2.0\r\nFrom: <sip:+15551@192.0.2.1>;tag=a\r\n"
    "Call-ID: one\r\nCSeq: 1 INVITE\r\n\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 9\r\n"
)
_OK = (
    "SIP/2.0 200 OK\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n\r\n"
    "c=IN IP4 192.0.2.3\r\nm=audio 7000 RTP/AVP 9\r\n"
)


def _short(first_line: str, cseq: str) -> str:
    return f"{first_line}\r\ni: one\r\nCSeq: {cseq}\r\n\r\n"


def _read(*messages: tuple[int, tuple[str, int], str]) -> CallLeg:
    datagrams = [
        Datagram(at * _MS, source, _AGENT if source == _CALLER else _CALLER, text.encode())
        for at, source, text in messages
    ]
    return read(datagrams, _CALLER[1])["one"]


def test_an_answered_call_is_read_from_invite_to_bye() -> None:
    leg = _read(
        (0, _CALLER, _INVITE),
        (5, _AGENT, _short("SIP/2.0 180 Ringing", "1 INVITE")),
        (300, _AGENT, _OK),
        (301, _CALLER, _short("ACK sip:x SIP/2.0", "1 ACK")),
        (5000, _AGENT, _short("BYE sip:x SIP/2.0", "1 BYE")),
    )
    assert leg == CallLeg(
        call_id="one",
        caller="+15551",
        ear_port=4000,
        invite_ns=0,
        final_status=200,
        rang=True,
        answered_ns=300 * _MS,
        acknowledged_ns=301 * _MS,
        agent_media=("192.0.2.3", 7000),
        ended_ns=5000 * _MS,
        ended_by=EndedBy.AGENT,
    )
    assert leg.answer_ms == 300


def test_a_challenge_is_not_an_answer() -> None:
    leg = _read(
        (10, _CALLER, _INVITE),
        (15, _AGENT, _short("SIP/2.0 407 Proxy Authentication Required", "1 INVITE")),
        (16, _CALLER, _short("ACK sip:x SIP/2.0", "1 ACK")),
        (17, _CALLER, _INVITE),
        (110, _AGENT, _OK),
    )
    assert (leg.final_status, leg.answer_ms, leg.acknowledged_ns) == (200, 100, None)


def test_a_refusal_keeps_its_status() -> None:
    leg = _read((0, _CALLER, _INVITE), (5, _AGENT, _short("SIP/2.0 404 Nobody", "1 INVITE")))
    assert (leg.final_status, leg.answer_ms) == (404, None)


def test_repeated_messages_change_nothing() -> None:
    leg = _read(
        (10, _CALLER, _INVITE),
        (510, _CALLER, _INVITE),
        (600, _AGENT, _OK),
        (1100, _AGENT, _OK),
        (2000, _CALLER, _short("BYE sip:x SIP/2.0", "3 BYE")),
        (2005, _AGENT, _short("BYE sip:x SIP/2.0", "1 BYE")),
    )
    assert (leg.answer_ms, leg.ended_by, leg.ended_ns) == (590, EndedBy.CALLER, 2000 * _MS)


def test_datagrams_without_a_call_id_are_passed_over() -> None:
    assert read([Datagram(0, _CALLER, _AGENT, b"\xff\x00")], _CALLER[1]) == {}


def test_the_message_trace_gives_the_same_leg_as_a_capture() -> None:
    line = "-" * 47
    trace = (
        f"{line} 2026-11-21\t11:43:06.100000\t1795261386.1\n"
        f"UDP message sent (400 bytes):\n\n{_INVITE}\n"
        f"{line} 2026-11-21\t11:43:06.400000\t1795261386.4\n"
        f"UDP message received [300] bytes :\n\n{_OK}\n"
    )
    leg = read(from_trace(trace, 5070), 5070)["one"]
    assert leg.answer_ms == pytest.approx(300)
    assert leg.agent_media == ("192.0.2.3", 7000)
    assert leg.ear_port == 4000
