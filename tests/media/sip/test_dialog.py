import pytest

from switchboard_media.errors import MalformedMessage
from switchboard_media.sip import dialog, message
from switchboard_media.sip.dialog import DialogId, OutOfOrder
from switchboard_media.sip.responses import response_to
from tests.media.sip.messages import INVITE, as_request, request_bytes

VIA = "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-bye;rport"
LOOSE = INVITE.replace(
    b"Max-Forwards", b"Record-Route: <sip:p1.com;lr>, <sip:p2.com:5070;lr>\r\nMax-Forwards"
)
STRICT = INVITE.replace(
    b"Max-Forwards", b"Record-Route: <sip:old.com>, <sip:p2.com;lr>\r\nMax-Forwards"
)


def test_the_called_party_hangs_up_with_the_tags_turned_round() -> None:
    call = dialog.answering(as_request(INVITE), "called")
    after, bye = call.request("BYE", via=VIA)
    assert bytes(bye).decode().split("\r\n") == [
        "BYE sip:ann@10.0.0.2:5062 SIP/2.0",
        f"Via: {VIA}",
        "Max-Forwards: 70",
        "From: <sip:+15550100@10.0.0.1:5060>;tag=called",
        'To: "Ann" <sip:+15551234@10.0.0.2:5062>;tag=caller',
        "Call-ID: 1-77@10.0.0.2",
        "CSeq: 1 BYE",
        "Content-Length: 0",
        "",
        "",
    ]
    assert call.next_hop == ("10.0.0.2", 5062)
    assert after.request("OPTIONS", via=VIA)[1].cseq.number == 2


def test_both_sides_mean_the_same_call() -> None:
    invite = as_request(INVITE)
    called = dialog.answering(invite, "called")
    ok = response_to(invite, 200, to_tag="called", headers=[("Contact", "<sip:10.0.0.1:5060>")])
    caller = dialog.calling(invite, ok)
    assert called.id == DialogId("1-77@10.0.0.2", "called", "caller")
    assert caller.id == DialogId("1-77@10.0.0.2", "caller", "called")
    _, bye = caller.request("BYE", via=VIA)
    assert dialog.dialog_id_of(bye) == called.id
    assert bye.cseq.number == 2


def test_loose_routers_are_named_in_route_headers() -> None:
    call = dialog.answering(as_request(LOOSE), "called")
    _, bye = call.request("BYE", via=VIA)
    assert bye.uri == "sip:ann@10.0.0.2:5062"
    assert bye.headers.values("Route") == ("<sip:p1.com;lr>", "<sip:p2.com:5070;lr>")
    assert call.next_hop == ("p1.com", 5060)


def test_a_strict_router_gets_itself_in_the_request_uri() -> None:
    _, bye = dialog.answering(as_request(STRICT), "called").request("BYE", via=VIA)
    assert bye.uri == "sip:old.com"
    assert bye.headers.values("Route") == ("<sip:p2.com;lr>", "<sip:ann@10.0.0.2:5062>")


def test_the_callers_route_set_is_the_answers_reversed() -> None:
    invite = as_request(LOOSE)
    ok = response_to(invite, 200, to_tag="called", headers=[("Contact", "<sip:10.0.0.1>")])
    assert dialog.calling(invite, ok).next_hop == ("p2.com", 5070)


def test_a_reinvite_moves_the_target_and_a_bye_does_not() -> None:
    call = dialog.answering(as_request(INVITE), "called")
    moved = request_bytes("INVITE", 2, to_tag="called").replace(
        b"ann@10.0.0.2:5062", b"ann@10.0.0.3"
    )
    after = call.received(as_request(moved))
    assert after.next_hop == ("10.0.0.3", 5060)
    assert after.remote_cseq == 2
    bye = request_bytes("BYE", 3, to_tag="called").replace(b"ann@10.0.0.2:5062", b"ann@10.0.0.4")
    assert after.received(as_request(bye)).next_hop == ("10.0.0.3", 5060)


def test_an_older_request_is_out_of_order_and_an_ack_never_is() -> None:
    call = dialog.answering(as_request(INVITE), "called").received(
        as_request(request_bytes("OPTIONS", 5, to_tag="called"))
    )
    with pytest.raises(OutOfOrder):
        call.received(as_request(request_bytes("BYE", 4, to_tag="called")))
    assert call.received(as_request(request_bytes("ACK", 1, to_tag="called"))) == call
    assert call.received(as_request(request_bytes("OPTIONS", 5, to_tag="called"))) == call


@pytest.mark.parametrize(
    "contact", [b"", b"Contact: *\r\n", b"Contact: <tel:+1555>\r\n", b"Contact: <<\r\n"]
)
def test_an_invite_that_cannot_be_called_back_makes_no_dialog(contact: bytes) -> None:
    invite = as_request(INVITE.replace(b"Contact: <sip:ann@10.0.0.2:5062>\r\n", contact))
    with pytest.raises(MalformedMessage):
        dialog.answering(invite, "called")


def test_who_is_called_is_the_user_of_the_request_uri() -> None:
    assert dialog.called_user(as_request(INVITE)) == "+15550100"
    escaped = message.parse(INVITE.replace(b"INVITE sip:+1", b"INVITE sip:%2B1"))
    assert isinstance(escaped, message.Request)
    assert dialog.called_user(escaped) == "+15550100"
