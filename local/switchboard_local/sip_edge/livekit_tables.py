"""Trunks and dispatch rules as LiveKit's SIP API holds them."""

import asyncio

from google.protobuf.json_format import MessageToDict
from livekit.api import LiveKitAPI
from livekit.protocol.sip import ListSIPDispatchRuleRequest, ListSIPInboundTrunkRequest

from switchboard_contract.sip_routing import (
    DispatchRule,
    InboundTrunk,
    rule_from_json,
    trunk_from_json,
)

Tables = tuple[list[InboundTrunk], list[DispatchRule]]


async def list_tables(api: LiveKitAPI) -> Tables:
    """Read both lists at once. LiveKit has no watch and no version for them."""
    trunks, rules = await asyncio.gather(
        api.sip.list_inbound_trunk(ListSIPInboundTrunkRequest()),
        api.sip.list_dispatch_rule(ListSIPDispatchRuleRequest()),
    )
    return (
        [trunk_from_json(MessageToDict(item)) for item in trunks.items],
        [rule_from_json(MessageToDict(item)) for item in rules.items],
    )


async def read_tables(url: str, api_key: str, api_secret: str, *, timeout_s: float) -> Tables:
    """Read both lists over a connection of their own."""
    async with asyncio.timeout(timeout_s), LiveKitAPI(url, api_key, api_secret) as api:
        return await list_tables(api)
