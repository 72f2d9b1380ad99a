from switchboard_media.sip.responses import response_to
from tests.media.sip.messages import INVITE, as_request, request_bytes

ROUTED = INVITE.replace(
    b"Max-Forwards: 70",
    b"Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nTimestamp: 54\r\nMax-Forwards: 70",
)


def test_a_response_repeats_what_rfc_3261_8_2_6_asks_and_nothing_else() -> None:
    response = response_to(
        as_request(ROUTED),
        200,
        to_tag="called",
        headers=[("Contact", "<sip:10.0.0.1>")],
        content_type="application/sdp",
        body=b"v=0\r\n",
    )
    assert bytes(response).decode().split("\r\n") == [
        "SIP/2.0 200 OK",
        "Via: SIP/2.0/UDP 10.0.0.2:5062;branch=z9hG4bK-1;rport",
        'From: "Ann" <sip:+15551234@10.0.0.2:5062>;tag=caller',
        "To: <sip:+15550100@10.0.0.1:5060>;tag=called",
        "Call-ID: 1-77@10.0.0.2",
        "CSeq: 1 INVITE",
        "Record-Route: <sip:p1;lr>, <sip:p2;lr>",
        "Content-Type: application/sdp",
        "Contact: <sip:10.0.0.1>",
        "Content-Length: 5",
        "",
        "v=0",
        "",
    ]


def test_trying_has_no_tag_and_repeats_the_timestamp() -> None:
    trying = response_to(as_request(ROUTED), 100, to_tag="called")
    assert trying.recipient.tag is None
    assert trying.headers.get("Timestamp") == "54"
    assert "Record-Route" not in trying.headers


def test_only_101_to_299_make_a_dialog() -> None:
    statuses = (100, 180, 200, 299, 300, 404)
    routed = [s for s in statuses if "Record-Route" in response_to(as_request(ROUTED), s).headers]
    assert routed == [180, 200, 299]


def test_a_refusal_makes_no_dialog() -> None:
    refusal = response_to(as_request(ROUTED), 404, to_tag="called", reason="Number not in service")
    assert (refusal.reason, refusal.recipient.tag) == ("Number not in service", "called")
    assert "Record-Route" not in refusal.headers


def test_a_tag_that_is_there_stays() -> None:
    bye = as_request(request_bytes("BYE", to_tag="called"))
    assert response_to(bye, 200, to_tag="other").recipient.tag == "called"


def test_a_to_without_brackets_gets_its_tag_as_a_header_parameter() -> None:
    data = INVITE.replace(b"To: <sip:+15550100@10.0.0.1:5060>", b"To: sip:+15550100@10.0.0.1;x=1")
    recipient = response_to(as_request(data), 180, to_tag="called").recipient
    assert (recipient.tag, recipient.params.get("x")) == ("called", "1")


def test_an_unknown_status_still_has_words() -> None:
    assert response_to(as_request(INVITE), 499).reason == "Unknown"
