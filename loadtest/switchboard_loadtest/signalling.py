"""What happened to each call, read from stamped SIP messages.

The messages come from the packet capture, or from SIPp's message trace where capturing is not
allowed; both give the same `CallLeg`. The reader is lenient on purpose: a load test has to describe
what a server under test sends, not to judge its grammar.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from switchboard_loadtest.datagrams import Datagram

_CALL_ID = re.compile(r"^(?:Call-ID|i)\s*:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_CSEQ_METHOD = re.compile(r"^CSeq\s*:\s*\d+\s+(\w+)", re.MULTILINE | re.IGNORECASE)
_FROM_USER = re.compile(r"^(?:From|f)\s*:[^<\n]*<?sips?:([^@>;]+)@", re.MULTILINE | re.IGNORECASE)
_STATUS = re.compile(r"SIP/2\.0 (\d{3})")
_AUDIO = re.compile(r"^m=audio (\d+)", re.MULTILINE)
_CONNECTION = re.compile(r"^c=IN IP4 (\S+)", re.MULTILINE)
_TRACE_ENTRY = re.compile(
    r"^-{10,} (\d{4}-\d\d-\d\d)[\sT]+(\d\d:\d\d:\d\d\.\d+)[^\n]*\n"
    r"UDP message (sent|received)[^\n]*\n\n",
    re.MULTILINE,
)
_OK = 200
_FIRST_FINAL = 200
_RINGING = 180
_CHALLENGES = frozenset({401, 407})


class EndedBy(StrEnum):
    """Who hung up."""

    NOBODY = ""
    CALLER = "caller"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class CallLeg:
    """One call as its SIP messages tell it."""

    call_id: str
    caller: str = ""
    ear_port: int = 0
    """Port that the caller offered for the agent's sound."""
    invite_ns: int = 0
    final_status: int = 0
    """Final answer to the INVITE; challenges do not count."""
    rang: bool = False
    """Whether a 180 came: livekit-sip drops calls that no rule takes after one, without a word."""
    answered_ns: int | None = None
    acknowledged_ns: int | None = None
    agent_media: tuple[str, int] | None = None
    """Where the caller's sound goes."""
    ended_ns: int | None = None
    ended_by: EndedBy = EndedBy.NOBODY

    @property
    def answer_ms(self) -> float | None:
        """INVITE to 200."""
        return None if self.answered_ns is None else (self.answered_ns - self.invite_ns) / 1e6


def read(messages: Iterable[Datagram], caller_port: int) -> dict[str, CallLeg]:
    """Fold messages, in order, into legs by Call-ID; `caller_port` tells the direction."""
    legs: dict[str, CallLeg] = {}
    for message in messages:
        text = message.data.decode("utf-8", "replace").replace("\r\n", "\n").lstrip("\n")
        found = _CALL_ID.search(text)
        if found is None:
            continue
        leg = legs.get(found[1], CallLeg(found[1]))
        step = _from_caller if message.source[1] == caller_port else _from_agent
        legs[found[1]] = step(leg, text, message.at_ns)
    return legs


def _from_caller(leg: CallLeg, text: str, at_ns: int) -> CallLeg:
    method = text.split(" ", 1)[0]
    if method == "INVITE" and leg.answered_ns is None:
        audio, user = _AUDIO.search(text), _FROM_USER.search(text)
        return replace(
            leg,
            invite_ns=leg.invite_ns or at_ns,
            ear_port=int(audio[1]) if audio else leg.ear_port,
            caller=user[1] if user else leg.caller,
        )
    if method == "ACK" and leg.answered_ns is not None and leg.acknowledged_ns is None:
        return replace(leg, acknowledged_ns=at_ns)
    return _ended(leg, EndedBy.CALLER, at_ns) if method in {"BYE", "CANCEL"} else leg


def _from_agent(leg: CallLeg, text: str, at_ns: int) -> CallLeg:
    status = _STATUS.match(text)
    if status is None:
        return _ended(leg, EndedBy.AGENT, at_ns) if text.startswith("BYE ") else leg
    code = int(status[1])
    method = _CSEQ_METHOD.search(text)
    if method is None or method[1] != "INVITE" or code in _CHALLENGES:
        return leg
    if code < _FIRST_FINAL:
        return replace(leg, rang=leg.rang or code == _RINGING)
    if code != _OK:
        return replace(leg, final_status=leg.final_status or code)
    if leg.answered_ns is not None:
        return leg
    audio, address = _AUDIO.search(text), _CONNECTION.search(text)
    media = (address[1], int(audio[1])) if audio and address else None
    return replace(leg, final_status=code, answered_ns=at_ns, agent_media=media)


def _ended(leg: CallLeg, by: EndedBy, at_ns: int) -> CallLeg:
    return leg if leg.ended_ns is not None else replace(leg, ended_ns=at_ns, ended_by=by)


def from_trace(trace: str, caller_port: int) -> list[Datagram]:
    """SIPp's `-trace_msg` log as stamped messages (its clock is the kernel's, to a few 100 us)."""
    caller, agent = ("caller", caller_port), ("agent", 0)
    entries = list(_TRACE_ENTRY.finditer(trace))
    ends = [entry.start() for entry in entries[1:]] + [len(trace)]
    messages = []
    for entry, end in zip(entries, ends, strict=True):
        at = datetime.fromisoformat(f"{entry[1]}T{entry[2]}").astimezone()
        ways = (caller, agent) if entry[3] == "sent" else (agent, caller)
        body = trace[entry.end() : end].encode()
        messages.append(Datagram(int(at.timestamp() * 1_000_000) * 1000, *ways, body))
    return messages
