"""SIPp scenarios as data: a list of steps, turned into XML by one small writer.

A scenario is made for one caller track, because SIPp fixes the sound file and the timing when it
reads the XML; what differs from call to call (caller number, port that listens) comes from the
injection file. The steps hold for the SIP edge stand-in and for livekit-sip alike: 100 and 180 are
optional, and either side may hang up first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.dom.minidom import Document, Element, getDOMImplementation

from switchboard_loadtest import sip_messages as messages
from switchboard_media.codec import Codec

RETRANSMIT_MS = 500
ANSWER_TIMEOUT_MS = 20_000
REPLY_TIMEOUT_MS = 5_000
_DONE = "done"
_DROPPED = "dropped"
_BYE_CAME = "bye_came"


class Ending(StrEnum):
    """What a caller does with its call."""

    SPEAK = "speak"
    """Speaks to the end; whoever hangs up first hangs up."""
    CANCEL = "cancel"
    """Gives up while it rings."""
    REFUSED = "refused"
    """Dials a number that nobody has: a 4xx, 5xx or 6xx is the right answer, or livekit-sip's own:
    180, and then silence."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Digits pressed at a moment of the call."""

    at_ms: int
    digits: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One SIPp scenario."""

    codec: Codec
    ending: Ending = Ending.SPEAK
    sound: Path | None = None
    """Raw codec file that is streamed once from the answer on; None sends no RTP."""
    hang_up_ms: int = 60_000
    """The caller hangs up then; for CANCEL, how long it lets the phone ring."""
    keys: tuple[Keys, ...] = ()
    digest: bool = False
    """Expect a 407 and answer it with the user and password of the command line."""
    refusal: int = 404


@dataclass(frozen=True, slots=True)
class Send:
    """One message of the caller."""

    text: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Receive:
    """One message of the other side: a status code or a method."""

    what: int | str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """Start of a stream or of keys."""

    exec: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Label:
    """A place to jump to."""

    name: str


Step = Send | Receive | Act | Wait | Label

_RETRANSMIT = ("retrans", str(RETRANSMIT_MS))
_OPTIONAL = ("optional", "true")
_UNTIL_DROPPED = (("timeout", str(REPLY_TIMEOUT_MS)), ("ontimeout", _DROPPED))
"""On each of them: SIPp looks at the time of the one it stands at, not of those that follow."""


def steps(plan: Plan) -> list[Step]:
    """The course of one call."""
    match plan.ending:
        case Ending.SPEAK:
            return [*_invite(plan), *_answered(plan), *_talk(plan), *_hang_up()]
        case Ending.CANCEL:
            return [*_invite(plan), *_cancel(plan)]
        case Ending.REFUSED:
            return [
                *_invite(plan),
                *_ringing(_UNTIL_DROPPED),
                Receive(plan.refusal, _UNTIL_DROPPED),
                Send(messages.ack_refusal()),
                Label(_DROPPED),
                Wait(1),
            ]


def _invite(plan: Plan) -> list[Step]:
    offer = messages.offer(plan.codec)
    first: list[Step] = [Send(messages.invite(offer), (_RETRANSMIT,))]
    if not plan.digest:
        return first
    return [
        *first,
        Receive(100, (_OPTIONAL,)),
        Receive(407, (("auth", "true"), ("timeout", str(REPLY_TIMEOUT_MS)))),
        Send(messages.ack_refusal()),
        Send(messages.invite_with_digest(offer), (_RETRANSMIT,)),
    ]


def _ringing(until: Sequence[tuple[str, str]] = ()) -> list[Step]:
    return [Receive(code, (_OPTIONAL, *until)) for code in (100, 180, 183)]


def _answered(plan: Plan) -> list[Step]:
    streams: list[Step] = []
    if plan.sound is not None:
        # SIPp takes commas apart, so the path must not hold one; run folders are made by us.
        streams.append(Act(("rtp_stream", f"{plan.sound},1,{plan.codec.payload_type}")))
    patience = ("timeout", str(ANSWER_TIMEOUT_MS))
    return [
        *_ringing((patience,)),
        Receive(200, (("rrs", "true"), patience)),
        Send(messages.ack(2 if plan.digest else 1)),
        *streams,
    ]


def _talk(plan: Plan) -> list[Step]:
    """Wait for the other side's BYE up to each moment at which the caller does something."""
    result: list[Step] = []
    now_ms = 0
    for index, keys in enumerate(plan.keys):
        label = f"keys{index}"
        result += [*_wait_for_bye(keys.at_ms - now_ms, label), Label(label)]
        result.append(Act(("play_dtmf", keys.digits)))
        now_ms = keys.at_ms
    return [*result, *_wait_for_bye(plan.hang_up_ms - now_ms, "hang_up")]


def _wait_for_bye(milliseconds: int, on_timeout: str) -> list[Step]:
    attributes = (("timeout", str(max(1, milliseconds))), ("ontimeout", on_timeout))
    return [Receive("BYE", (*attributes, ("next", _BYE_CAME)))]


def _hang_up() -> list[Step]:
    return [
        Label("hang_up"),
        Send(messages.bye(), (_RETRANSMIT,)),
        # The other side may hang up in the same moment: its BYE is answered, ours was enough.
        Receive(200, (("timeout", str(REPLY_TIMEOUT_MS)), ("next", _DONE), ("ontimeout", _DONE))),
        Label(_BYE_CAME),
        Send(messages.ok()),
        Label(_DONE),
        Wait(1),
    ]


def _cancel(plan: Plan) -> list[Step]:
    return [
        *_ringing()[:1],
        Receive(180, (("timeout", str(ANSWER_TIMEOUT_MS)),)),
        Wait(plan.hang_up_ms),
        Send(messages.cancel(), (_RETRANSMIT,)),
        *_ringing(),
        Receive(200, (("timeout", str(REPLY_TIMEOUT_MS)),)),
        Receive(487, (("timeout", str(REPLY_TIMEOUT_MS)),)),
        Send(messages.ack_refusal()),
    ]


def to_xml(name: str, course: Sequence[Step]) -> str:
    """SIPp's XML of a course; messages stand in CDATA sections, as SIPp asks."""
    implementation = getDOMImplementation()
    if implementation is None:
        raise RuntimeError("this Python has no DOM implementation")
    document = implementation.createDocument(None, "scenario", None)
    root = document.documentElement
    if root is None:
        raise RuntimeError("a document made with a root element has none")
    root.setAttribute("name", name)
    for step in course:
        root.appendChild(_element(document, step))
    return document.toprettyxml(indent="  ", encoding="UTF-8").decode()


def _element(document: Document, step: Step) -> Element:
    match step:
        case Send(text, attributes):
            element = _with(document.createElement("send"), attributes)
            element.appendChild(document.createCDATASection(text))
        case Receive(what, attributes):
            kind = "response" if isinstance(what, int) else "request"
            element = _with(document.createElement("recv"), ((kind, str(what)), *attributes))
        case Act((key, value)):
            element = document.createElement("nop")
            action = element.appendChild(document.createElement("action"))
            action.appendChild(_with(document.createElement("exec"), ((key, value),)))
        case Wait(milliseconds):
            element = _with(document.createElement("pause"), (("milliseconds", str(milliseconds)),))
        case Label(name):
            element = _with(document.createElement("label"), (("id", name),))
    return element


def _with(element: Element, attributes: Sequence[tuple[str, str]]) -> Element:
    for key, value in attributes:
        element.setAttribute(key, value)
    return element
