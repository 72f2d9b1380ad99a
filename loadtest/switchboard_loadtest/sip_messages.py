"""The caller's SIP messages with SIPp's keywords in them.

Keywords in brackets are filled in by SIPp: `[field0]` is the caller's number and `[field1]` the
port on which the collector listens for this call, both from the injection file. The branch of the
INVITE is spelled out, because CANCEL and the ACK of a refusal have to repeat it. Keys have payload
type 96, because SIPp's `play_dtmf` sends them so and cannot be told otherwise.
"""

from switchboard_media.codec import Codec

_FIRST = "z9hG4bK-[pid]-[call_number]-1"
_SECOND = "z9hG4bK-[pid]-[call_number]-2"
_OWN = "[branch]"

_HEAD = """
{method} {uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]caller[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
"""
_NUMBER = "sip:[service]@[remote_ip]:[remote_port]"
_BODY = """Content-Type: application/sdp
Content-Length: [len]

{offer}
"""
_EMPTY = "Content-Length: 0\n\n"
_TEST_ID = "X-Lk-Test-Id: [call_id]\n"
_AUTHENTICATION = "[authentication]\n"

_OFFER = """v=0
o=caller 1 1 IN IP[local_ip_type] [local_ip]
s=call
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [field1] RTP/AVP {payload} 96
a=rtpmap:{payload} {encoding}/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
a=ptime:20
a=sendrecv"""

_OK = """
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[field0]@[local_ip]:[local_port]>
Content-Length: 0

"""


def offer(codec: Codec) -> str:
    """SDP that offers one codec and RFC 4733 keys, and asks for sound at the collector."""
    return _OFFER.format(payload=codec.payload_type, encoding=codec.name)


def invite(sdp: str) -> str:
    """First INVITE; the test header joins the call to the events of the worker that served it."""
    return _head("INVITE", 1, _FIRST) + _TEST_ID + _BODY.format(offer=sdp)


def invite_with_digest(sdp: str) -> str:
    """INVITE again with the answer to a 407."""
    head = _head("INVITE", 2, _SECOND)
    return head + _TEST_ID + _AUTHENTICATION + _BODY.format(offer=sdp)


def ack(cseq: int) -> str:
    """ACK of a 200: a transaction of its own, to the contact of the other side."""
    return (
        _head("ACK", cseq, _OWN, uri="[next_url]", to_tag="[peer_tag_param]")
        + "[routes]\n"
        + _EMPTY
    )


def ack_refusal() -> str:
    """ACK of a final answer that is no 2xx: part of the INVITE's transaction."""
    return _head("ACK", 1, _FIRST, to_tag="[peer_tag_param]") + _EMPTY


def cancel() -> str:
    """CANCEL of the first INVITE."""
    return _head("CANCEL", 1, _FIRST) + _EMPTY


def bye() -> str:
    """BYE of the caller."""
    return (
        _head("BYE", 3, _OWN, uri="[next_url]", to_tag="[peer_tag_param]") + "[routes]\n" + _EMPTY
    )


def ok() -> str:
    """200 to the other side's BYE."""
    return _OK


def _head(method: str, cseq: int, branch: str, *, uri: str = _NUMBER, to_tag: str = "") -> str:
    return _HEAD.format(method=method, uri=uri, branch=branch, to_tag=to_tag, cseq=cseq)
