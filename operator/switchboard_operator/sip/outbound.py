"""Making LiveKit hold exactly the outbound trunks of a VoiceAgent, found by their metadata."""

from dataclasses import dataclass

from livekit.protocol.sip import SIPOutboundTrunkInfo, SIPTransport

from switchboard_contract.crd.tenant import SipTransport
from switchboard_operator.desired.outbound import DesiredOutbound
from switchboard_operator.sip.mirror import Mirror
from switchboard_operator.sip.wire import carrier_of, media_fields, same

_TRANSPORTS = {
    SipTransport.AUTO: SIPTransport.SIP_TRANSPORT_AUTO,
    SipTransport.UDP: SIPTransport.SIP_TRANSPORT_UDP,
    SipTransport.TCP: SIPTransport.SIP_TRANSPORT_TCP,
    SipTransport.TLS: SIPTransport.SIP_TRANSPORT_TLS,
}


@dataclass(frozen=True, slots=True)
class Outbound:
    """An outbound trunk that is in LiveKit."""

    carrier: str
    trunk_id: str


def observe(mirror: Mirror, uid: str) -> tuple[Outbound, ...]:
    """Return what an agent has in LiveKit, as far as known."""
    found = [
        Outbound(carrier_of(trunk.metadata), trunk.sip_trunk_id)
        for trunk in mirror.outbound.of_owner(uid)
    ]
    return tuple(sorted(found, key=lambda trunk: (trunk.carrier, trunk.trunk_id)))


async def bind(mirror: Mirror, uid: str, wanted: tuple[DesiredOutbound, ...]) -> None:
    """Create, replace and delete until exactly the wanted trunks are there."""
    if mirror.error:
        raise mirror.error
    async with mirror.lock:
        kept = dict.fromkeys((trunk.carrier for trunk in wanted), "")
        for existing in mirror.outbound.of_owner(uid):
            carrier = carrier_of(existing.metadata)
            if kept.get(carrier) == "":
                kept[carrier] = existing.sip_trunk_id
            else:
                await _delete(mirror, existing.sip_trunk_id)
        for trunk in wanted:
            await _one(mirror, kept[trunk.carrier], trunk)


async def drop(mirror: Mirror, uid: str) -> None:
    """Delete every outbound trunk of a VoiceAgent; the caller holds the mirror's lock."""
    for trunk in mirror.outbound.of_owner(uid):
        await _delete(mirror, trunk.sip_trunk_id)


async def _delete(mirror: Mirror, trunk_id: str) -> None:
    await mirror.api.delete_trunk(trunk_id)
    mirror.outbound.drop(trunk_id)


async def _one(mirror: Mirror, trunk_id: str, wanted: DesiredOutbound) -> None:
    message = outbound_message(wanted)
    if trunk_id and same(mirror.outbound.all[trunk_id], message):
        return
    if trunk_id:
        made = await mirror.api.replace_outbound(trunk_id, message)
    else:
        made = await mirror.api.create_outbound(message)
    mirror.outbound.put(made)


def outbound_message(trunk: DesiredOutbound) -> SIPOutboundTrunkInfo:
    """Return the trunk as LiveKit takes it."""
    return SIPOutboundTrunkInfo(
        name=trunk.name,
        metadata=trunk.metadata,
        address=trunk.address,
        transport=_TRANSPORTS[trunk.transport],
        numbers=trunk.numbers,
        auth_username=trunk.auth_username,
        auth_password=trunk.auth_password,
        **media_fields(trunk.encryption),
    )
