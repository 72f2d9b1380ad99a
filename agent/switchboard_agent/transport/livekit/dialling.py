"""Calls a human into a room, through a carrier of the tenant.

The operator keeps one outbound trunk in LiveKit per VoiceAgent and carrier, and says so in the
trunk's metadata: the agent calls under its own numbers, never under those of another.
"""

import json
import logging
from dataclasses import dataclass
from typing import Any

import aiohttp
from livekit.api.sip_service import SipService
from livekit.api.twirp_client import SipCallError, TwirpError, TwirpErrorCode
from livekit.protocol.sip import (
    CreateSIPParticipantRequest,
    ListSIPOutboundTrunkRequest,
    SIPOutboundTrunkInfo,
)

from switchboard_agent.transport.base import TRANSFER_SECONDS, Transferred
from switchboard_contract.call_events import TransferResult

_NO_ANSWER_STATUS = frozenset({408, 480, 487})
"""Final SIP statuses of a phone that rang and was not picked up."""
_RANG = frozenset({TwirpErrorCode.CANCELED, TwirpErrorCode.DEADLINE_EXCEEDED})
"""A bridge says the former of a phone that rang for as long as it may; without a SIP status."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dial:
    """Whom to call into which room, and as whom."""

    room: str
    identity: str
    to: str
    """A `tel:` or `sip:` URI."""
    agent: str
    """`namespace/name` of the VoiceAgent that calls."""
    carrier: str


async def dial(sip: SipService, asked: Dial) -> Transferred:
    """Return once the human has answered, or will not. Never raises but for cancellation."""
    about = {"room": asked.room, "carrier": asked.carrier}
    try:
        trunk = await _trunk(sip, asked)
        if trunk is None:
            _log.error("a human was not called: LiveKit has no trunk to call through", extra=about)
            return Transferred(TransferResult.FAILED)
        await sip.create_sip_participant(_request(asked, trunk))
    except SipCallError as error:
        return Transferred(refusal(error.sip_status_code), error.sip_status_code)
    except (TwirpError, aiohttp.ClientError, TimeoutError) as error:
        code = error.code if isinstance(error, TwirpError) else type(error).__name__
        _log.warning("a human was not reached", extra=about | {"reason": code})
        rang = code in _RANG
        return Transferred(TransferResult.NO_ANSWER if rang else TransferResult.FAILED)
    return Transferred(TransferResult.SUCCEEDED)


def refusal(sip_status: int | None) -> TransferResult:
    """What the final status of a phone that was not answered means."""
    rang = sip_status in _NO_ANSWER_STATUS
    return TransferResult.NO_ANSWER if rang else TransferResult.REFUSED


async def _trunk(sip: SipService, asked: Dial) -> str | None:
    answer = await sip.list_outbound_trunk(ListSIPOutboundTrunkRequest())
    wanted = {"agent": asked.agent, "carrier": asked.carrier}
    ours = (trunk for trunk in answer.items if wanted.items() <= _owner(trunk).items())
    return next((trunk.sip_trunk_id for trunk in ours), None)


def _owner(trunk: SIPOutboundTrunkInfo) -> dict[str, Any]:
    """What the operator wrote; nothing where somebody else made the trunk."""
    try:
        owner = json.loads(trunk.metadata)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _request(asked: Dial, trunk: str) -> CreateSIPParticipantRequest:
    called = asked.to.partition(":")[2].partition("@")[0]
    request = CreateSIPParticipantRequest(
        sip_trunk_id=trunk,
        sip_call_to=called,
        room_name=asked.room,
        participant_identity=asked.identity,
        wait_until_answered=True,
    )
    request.ringing_timeout.seconds = round(TRANSFER_SECONDS)
    return request
