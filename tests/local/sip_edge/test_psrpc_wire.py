"""psrpc's bytes: what is read, what is written, and what cannot be read."""

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol.sip import SIPStatus

from switchboard_local.sip_edge import psrpc_wire as wire
from switchboard_local.sip_edge.outgoing_model import Fault

REQUEST = wire.RpcRequest("REQ_a", "CLI_b", 2.5, b"payload")


def envelope(name: str, value: bytes) -> bytes:
    return AnyMessage(
        type_url=f"type.googleapis.com/internal.{name}", value=value
    ).SerializeToString()


def opened(data: bytes) -> tuple[str, object]:
    name = AnyMessage.FromString(data).type_url.rpartition(".")[2]
    return name, wire._opened(name, data)


def test_channels_are_spelled_as_psrpc_spells_them() -> None:
    assert wire.channel("SIPInternal", "CreateSIPParticipant", "", "REQ") == (
        "SIPInternal|CreateSIPParticipant|REQ"
    )
    assert wire.channel("S", "CLI_a-b", "RES") == "S|CLI_au+002db|RES"
    assert wire.channel("é", "😀") == "u+00e9|U+0001f600"


def test_a_request_is_read_as_a_go_client_writes_it() -> None:
    value = (
        b"\x0a\x05REQ_a\x12\x05CLI_b\x18\x01\x20\x80\xf2\x8b\xa8\x09"
        b"\x3a\x06\x0a\x01k\x12\x01v\x42\x07payload"
    )
    assert wire.read_request(envelope("Request", value)) == REQUEST


def test_claims_and_answers_name_their_request() -> None:
    name, claim = opened(wire.claim(REQUEST, "SRV_c"))
    assert name == "ClaimRequest"
    assert (claim.request_id, claim.server_id, claim.affinity) == ("REQ_a", "SRV_c", 1.0)  # type: ignore[attr-defined] # made at run time
    name, answer = opened(wire.success(REQUEST, "SRV_c", 1.5, b"yes"))
    assert name == "Response"
    assert (answer.request_id, answer.sent_at, answer.raw_response) == (  # type: ignore[attr-defined] # made at run time
        "REQ_a",
        1_500_000_000,
        b"yes",
    )


@pytest.mark.parametrize("status", [486, 699])
def test_a_failure_carries_the_phones_sip_status(status: int) -> None:
    fault = Fault("resource_exhausted", "no", status, "Busy Here")
    _, answer = opened(wire.failure(REQUEST, "SRV_c", 1.5, fault))
    assert (answer.code, answer.error) == ("resource_exhausted", "no")  # type: ignore[attr-defined] # made at run time
    (detail,) = answer.error_details  # type: ignore[attr-defined] # made at run time
    assert detail.type_url == "type.googleapis.com/livekit.SIPStatus"
    told = SIPStatus.FromString(detail.value)
    assert (told.code, told.status) == (status, "Busy Here")


def test_a_failure_without_a_sip_status_has_no_details() -> None:
    _, answer = opened(wire.failure(REQUEST, "SRV_c", 1.5, Fault("canceled", "no")))
    assert list(answer.error_details) == []  # type: ignore[attr-defined] # made at run time


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: envelope("Request", b)))
def test_bytes_of_strangers_are_read_or_refused(data: bytes) -> None:
    for read in (wire.read_request, wire.read_choice):
        try:
            read(data)
        except wire.MalformedRpcError:
            continue


def test_what_is_too_large_is_not_parsed() -> None:
    with pytest.raises(wire.MalformedRpcError, match="larger"):
        wire.read_request(envelope("Request", b"\0" * wire.MAX_BYTES))
