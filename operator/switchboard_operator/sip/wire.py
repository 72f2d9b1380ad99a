"""Desired trunks and rules as LiveKit's messages, and whether one that exists equals them."""

import json
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration
from livekit.protocol.sip import (
    SIPCodec,
    SIPDispatchRule,
    SIPDispatchRuleIndividual,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPMediaConfig,
    SIPMediaEncryption,
    SIPOutboundTrunkInfo,
)

from switchboard_contract.crd.tenant import AudioCodec, MediaEncryption
from switchboard_operator.desired.dispatch_rule import DesiredRule
from switchboard_operator.desired.trunk import DesiredTrunk

Info = TypeVar("Info", SIPInboundTrunkInfo, SIPDispatchRuleInfo, SIPOutboundTrunkInfo)

_ENCRYPTION = {
    MediaEncryption.ALLOWED: SIPMediaEncryption.SIP_MEDIA_ENCRYPT_ALLOW,
    MediaEncryption.REQUIRED: SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE,
}
_RTP_CLOCK_HZ = 8000
"""Of every codec that a Tenant may name: RFC 3551 counts G.722 in 8 kHz too."""
_SERVER_FIELDS = ("sip_trunk_id", "sip_dispatch_rule_id", "created_at", "updated_at")


def trunk_message(trunk: DesiredTrunk) -> SIPInboundTrunkInfo:
    """Return the trunk as LiveKit takes it."""
    return SIPInboundTrunkInfo(
        name=trunk.name,
        metadata=trunk.metadata,
        numbers=trunk.numbers,
        allowed_addresses=trunk.allowed_addresses,
        auth_username=trunk.auth_username,
        auth_password=trunk.auth_password,
        ringing_timeout=Duration(seconds=trunk.ringing_seconds),
        max_call_duration=Duration(seconds=trunk.max_call_seconds),
        **media_fields(trunk.encryption, trunk.codecs),
    )


def media_fields(
    encryption: MediaEncryption, codecs: tuple[AudioCodec, ...] = ()
) -> dict[str, Any]:
    """Return what a trunk says about media: SRTP also in the field of older servers.

    Nothing at all where encryption is disabled and any codec will do: that is LiveKit's default.
    """
    fields: dict[str, Any] = {}
    media = SIPMediaConfig()
    if encryption is not MediaEncryption.DISABLED:
        media.encryption = fields["media_encryption"] = _ENCRYPTION[encryption]
    if codecs:
        media.only_listed_codecs = True
        media.codecs.extend(SIPCodec(name=codec, rate=_RTP_CLOCK_HZ) for codec in codecs)
    return fields | ({"media": media} if media.ListFields() else {})


def rule_message(rule: DesiredRule, trunk_id: str) -> SIPDispatchRuleInfo:
    """Return the rule as LiveKit takes it."""
    individual = SIPDispatchRuleIndividual(room_prefix=rule.room_prefix)
    agent = RoomAgentDispatch(agent_name=rule.pool, metadata=rule.dispatch_metadata)
    return SIPDispatchRuleInfo(
        name=rule.name,
        metadata=rule.metadata,
        trunk_ids=[trunk_id],
        rule=SIPDispatchRule(dispatch_rule_individual=individual),
        room_config=RoomConfiguration(
            metadata=rule.room_metadata,
            departure_timeout=rule.departure_seconds,
            agents=[agent],
        ),
    )


def same(existing: Info, wanted: Info) -> bool:
    """Tell whether an object in LiveKit is what is wanted.

    Ids and times are the server's; an empty `media` comes and goes with the kind of write.
    """
    return _normal(existing) == _normal(wanted)


def _normal(info: Info) -> Info:
    copy = type(info)()
    copy.CopyFrom(info)
    for name in _SERVER_FIELDS:
        if name in copy.DESCRIPTOR.fields_by_name:
            copy.ClearField(name)
    if copy.HasField("media") and not copy.media.ListFields():
        copy.ClearField("media")
    return copy


def owner_uid(metadata: str) -> str:
    """Return the UID of the VoiceAgent that a LiveKit object belongs to; empty if none of ours."""
    return _field(metadata, "uid")


def agent_of(metadata: str) -> str:
    """Return `namespace/name` of the VoiceAgent in the metadata; empty if none."""
    return _field(metadata, "agent")


def carrier_of(metadata: str) -> str:
    """Return the carrier that an outbound trunk goes to; empty if none."""
    return _field(metadata, "carrier")


def _field(metadata: str, name: str) -> str:
    try:
        owner = json.loads(metadata)
    except ValueError:
        return ""
    return str(owner.get(name, "")) if isinstance(owner, dict) else ""
