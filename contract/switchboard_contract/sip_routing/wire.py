"""Trunks and rules from LiveKit's JSON, in either spelling of its field names.

LiveKit's API answers in protobuf JSON (`sipTrunkId`); `MessageToDict` can keep the names of the
proto (`sip_trunk_id`). Fields that routing does not need are ignored.
"""

from collections.abc import Mapping
from typing import cast

from switchboard_contract.sip_routing.model import DispatchRule, InboundTrunk, RuleKind

Json = Mapping[str, object]

_REQUIRED = "SIP_MEDIA_ENCRYPT_REQUIRE"


class WireError(ValueError):
    """A trunk or rule that is not as LiveKit writes it."""


def _get(data: Json, name: str) -> object:
    if name in data:
        return data[name]
    head, *rest = name.split("_")
    return data.get(head + "".join(part.title() for part in rest))


def _text(data: Json, name: str) -> str:
    value = _get(data, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WireError(f"{name} must be text, not {value!r}")
    return value


def _texts(data: Json, name: str) -> tuple[str, ...]:
    value = _get(data, name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WireError(f"{name} must be a list of texts, not {value!r}")
    return tuple(value)


def _object(data: Json, name: str) -> Json:
    value = _get(data, name)
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise WireError(f"{name} must be an object, not {value!r}")
    return cast("Json", value)


def _text_map(data: Json, name: str) -> dict[str, str]:
    return {key: _text(_object(data, name), key) for key in _object(data, name)}


def _seconds(data: Json, name: str) -> float:
    """Read a protobuf Duration: "30s" or "1.5s"."""
    text = _text(data, name)
    try:
        return float(text.removesuffix("s")) if text else 0.0
    except ValueError as error:
        raise WireError(f"{name} must be a duration such as 30s, not {text!r}") from error


def trunk_from_json(data: Json) -> InboundTrunk:
    """Read a SIPInboundTrunkInfo."""
    return InboundTrunk(
        id=_text(data, "sip_trunk_id"),
        name=_text(data, "name"),
        metadata=_text(data, "metadata"),
        numbers=_texts(data, "numbers"),
        allowed_addresses=_texts(data, "allowed_addresses"),
        allowed_numbers=_texts(data, "allowed_numbers"),
        auth_username=_text(data, "auth_username"),
        auth_password=_text(data, "auth_password"),
        auth_realm=_text(data, "auth_realm"),
        headers=_text_map(data, "headers"),
        headers_to_attributes=_text_map(data, "headers_to_attributes"),
        ringing_timeout_s=_seconds(data, "ringing_timeout"),
        max_call_duration_s=_seconds(data, "max_call_duration"),
        requires_encryption=_REQUIRED in _encryption(data),
        codecs=_only_codecs(_object(data, "media")),
    )


def _encryption(data: Json) -> tuple[str, str]:
    """Read what a trunk says about SRTP, in the field of today and in that of older servers."""
    return _text(_object(data, "media"), "encryption"), _text(data, "media_encryption")


def _only_codecs(media: Json) -> tuple[str, ...]:
    """Read which codecs alone are allowed; codecs that are merely added forbid nothing."""
    listed = _get(media, "codecs")
    if not _get(media, "only_listed_codecs") or listed is None:
        return ()
    if not isinstance(listed, list):
        raise WireError(f"codecs must be a list, not {listed!r}")
    return tuple(_text(cast("Json", item), "name") for item in listed)


_KINDS = {
    "dispatch_rule_direct": RuleKind.DIRECT,
    "dispatch_rule_individual": RuleKind.INDIVIDUAL,
    "dispatch_rule_callee": RuleKind.CALLEE,
}


def _randomized(kind: RuleKind, body: Json) -> bool:
    if kind is RuleKind.INDIVIDUAL:
        return not _get(body, "no_randomness")
    return kind is RuleKind.CALLEE and bool(_get(body, "randomize"))


def rule_from_json(data: Json) -> DispatchRule:
    """Read a SIPDispatchRuleInfo."""
    choice = _object(data, "rule")
    field = next((name for name in _KINDS if _get(choice, name) is not None), None)
    if field is None:
        raise WireError("rule must be one of direct, individual and callee")
    kind, body = _KINDS[field], _object(choice, field)
    room_config = _object(data, "room_config")
    agents = _get(room_config, "agents")
    if agents is not None and not isinstance(agents, list):
        raise WireError(f"agents must be a list, not {agents!r}")
    return DispatchRule(
        id=_text(data, "sip_dispatch_rule_id"),
        kind=kind,
        name=_text(data, "name"),
        metadata=_text(data, "metadata"),
        trunk_ids=_texts(data, "trunk_ids"),
        numbers=_texts(data, "numbers"),
        inbound_numbers=_texts(data, "inbound_numbers"),
        room_name=_text(body, "room_name"),
        room_prefix=_text(body, "room_prefix"),
        randomize=_randomized(kind, body),
        pin=_text(body, "pin"),
        hide_phone_number=bool(_get(data, "hide_phone_number")),
        attributes=_text_map(data, "attributes"),
        agents=tuple(_text(item, "agent_name") for item in cast("list[Json]", agents or [])),
        room_config=room_config,
    )
