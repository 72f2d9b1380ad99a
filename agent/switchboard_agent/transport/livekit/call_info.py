"""Who calls whom, read from what LiveKit says about a job and its caller."""

from switchboard_agent.transport.base import CallInfo
from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.call_events import Channel
from switchboard_contract.names import TEST_ID_ATTRIBUTE

SIP_CALL_ID = "sip.callID"
SIP_CALLER = "sip.phoneNumber"
SIP_CALLED = "sip.trunkPhoneNumber"


def call_info(
    *, job_id: str, room: str, dispatch: DispatchMetadata, attributes: dict[str, str]
) -> CallInfo:
    """A call is named by its SIP call; a caller that is no phone, by the job that answers it.

    Number attributes are absent where the dispatch rule hides them.
    """
    return CallInfo(
        call_id=attributes.get(SIP_CALL_ID) or job_id,
        agent=dispatch.agent,
        revision=dispatch.revision,
        channel=Channel.SIP if SIP_CALL_ID in attributes else Channel.ROOM,
        room=room,
        caller=attributes.get(SIP_CALLER, ""),
        called=attributes.get(SIP_CALLED, ""),
        test_id=attributes.get(TEST_ID_ATTRIBUTE, ""),
        job_id=job_id,
    )
