"""Who calls whom comes from the SIP participant."""

from switchboard_agent.transport.livekit.call_info import call_info
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.call_events import Channel

DISPATCH = DispatchMetadata(agent="ns/agent", revision="0123456789")


def test_phone_call_is_named_by_its_sip_call() -> None:
    info = call_info(
        job_id="AJ_1",
        room="room",
        dispatch=DISPATCH,
        attributes={
            "sip.callID": "SCL_1",
            "sip.phoneNumber": "+15550111",
            "sip.trunkPhoneNumber": "+15550100",
            "lktest.id": "t7",
        },
    )
    assert info.channel is Channel.SIP
    assert (info.call_id, info.caller, info.called, info.test_id) == (
        "SCL_1",
        "+15550111",
        "+15550100",
        "t7",
    )


def test_caller_without_attributes_is_named_by_the_job() -> None:
    info = call_info(job_id="AJ_1", room="room", dispatch=DISPATCH, attributes={})
    assert (info.call_id, info.caller, info.called) == ("AJ_1", "", "")
    assert info.channel is Channel.ROOM
