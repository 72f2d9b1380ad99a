from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from switchboard_loadtest.sip_scenario import Ending, Keys, Plan, steps, to_xml
from switchboard_media.codec import G722, PCMU


def _xml(plan: Plan) -> ET.Element:
    return ET.fromstring(to_xml("test", steps(plan)))  # noqa: S314 - made a line above


def _course(plan: Plan) -> list[str]:
    """Tag and meaning of each step."""
    course = []
    for element in _xml(plan):
        text = (element.text or "").strip().split(" ", 1)[0] if element.tag == "send" else ""
        what = text or element.get("response") or element.get("request") or element.get("id") or ""
        course.append(f"{element.tag} {what}".strip())
    return course


def test_a_speaking_caller_waits_for_the_others_bye_and_else_hangs_up() -> None:
    assert _course(Plan(G722, sound=Path("/run/caller.g722"))) == [
        "send INVITE",
        "recv 100",
        "recv 180",
        "recv 183",
        "recv 200",
        "send ACK",
        "nop",
        "recv BYE",
        "label hang_up",
        "send BYE",
        "recv 200",
        "label bye_came",
        "send SIP/2.0",
        "label done",
        "pause",
    ]


def test_the_sound_is_streamed_once_with_the_codecs_payload_type() -> None:
    for codec, payload_type in ((G722, 9), (PCMU, 0)):
        execs = list(_xml(Plan(codec, sound=Path("/run/caller.raw"))).iter("exec"))
        assert [e.attrib for e in execs] == [{"rtp_stream": f"/run/caller.raw,1,{payload_type}"}]


def test_a_caller_without_sound_sends_none() -> None:
    assert not list(_xml(Plan(G722)).iter("exec"))


def test_keys_are_pressed_at_their_moments() -> None:
    root = _xml(Plan(PCMU, hang_up_ms=9000, keys=(Keys(2000, "12"), Keys(5000, "#"))))
    waits = [e.get("timeout") for e in root.iter("recv") if e.get("request") == "BYE"]
    assert waits == ["2000", "3000", "4000"]
    assert [e.get("play_dtmf") for e in root.iter("exec")] == ["12", "#"]


def test_every_jump_has_its_label() -> None:
    root = _xml(Plan(PCMU, keys=(Keys(2000, "12"),)))
    labels = {e.get("id") for e in root.iter("label")}
    jumps = {e.get(key) for e in root for key in ("next", "ontimeout") if e.get(key)}
    assert jumps <= labels


def test_a_challenge_is_answered_with_a_new_branch() -> None:
    sends = [e.text or "" for e in _xml(Plan(G722, digest=True)) if e.tag == "send"]
    invites = [text for text in sends if text.strip().startswith("INVITE")]
    assert "[authentication" not in invites[0]
    assert "[authentication" in invites[1]
    branches = {line for text in invites for line in text.splitlines() if "branch=" in line}
    assert len(branches) == 2
    assert any("CSeq: 2 ACK" in text for text in sends)


def test_cancel_repeats_the_branch_of_the_invite() -> None:
    sends = [e.text or "" for e in _xml(Plan(G722, Ending.CANCEL)) if e.tag == "send"]
    branches = [line for text in sends for line in text.splitlines() if "branch=" in line]
    assert len(branches) == 3
    assert len(set(branches)) == 1


@pytest.mark.parametrize("ending", Ending)
def test_every_invite_carries_the_join_key_and_the_ear(ending: Ending) -> None:
    invite = next(e.text or "" for e in _xml(Plan(G722, ending)) if e.tag == "send")
    assert "X-Lk-Test-Id: [call_id]" in invite
    assert "m=audio [field1] RTP/AVP 9 96" in invite
    assert "From: <sip:[field0]@" in invite
