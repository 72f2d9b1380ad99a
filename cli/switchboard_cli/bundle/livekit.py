"""Trunks and rules as LiveKit has them, for the support bundle; rooms are the callers' own."""

import json
from dataclasses import dataclass

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from switchboard_operator.sip.api import LiveKitApi

HIDDEN = "<hidden>"
_SECRET_FIELDS = ("auth_password", "pin", "headers", "attributes")


@dataclass(frozen=True, slots=True)
class LiveKitAccess:
    """Where LiveKit is and how to ask it."""

    url: str
    api_key: str
    api_secret: str


async def read_livekit(access: LiveKitAccess) -> dict[str, str]:
    """Return the files; raises OperatorError when LiveKit cannot be asked."""
    url = access.url.replace("ws://", "http://", 1).replace("wss://", "https://", 1)
    async with LiveKitApi(url, access.api_key, access.api_secret, lambda *_: None) as api:
        found: dict[str, list[Message]] = {
            "livekit/inbound_trunks.json": [*await api.list_trunks()],
            "livekit/dispatch_rules.json": [*await api.list_rules()],
            "livekit/outbound_trunks.json": [*await api.list_outbound()],
        }
    return {
        path: json.dumps([shown(message) for message in messages], indent=2)
        for path, messages in found.items()
    }


def shown(message: Message) -> dict[str, object]:
    """Return a LiveKit object without its credentials."""
    content = MessageToDict(message, preserving_proto_field_name=True)
    return _without_secrets(content)


def _without_secrets(content: dict[str, object]) -> dict[str, object]:
    return {
        key: HIDDEN
        if key in _SECRET_FIELDS
        else _without_secrets(value)
        if isinstance(value, dict)
        else value
        for key, value in content.items()
    }
