"""Rendered objects as YAML."""

from collections.abc import Iterator

import orjson
import yaml
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from switchboard_cli.rendering.plans import Part, Rendered
from switchboard_operator.kube.objects import Object
from switchboard_operator.sip.outbound import outbound_message
from switchboard_operator.sip.wire import rule_message, trunk_message

TRUNK_ID = "<id that LiveKit gives the trunk>"
HIDDEN = "<hidden>"


def to_yaml(rendered: Rendered, *, livekit: bool) -> str:
    """Return a stream of documents, each part under a comment that names it."""
    chunks = []
    for part in rendered.parts:
        objects = [obj for _, obj in part.objects]
        objects += list(_livekit(part)) if livekit else []
        for index, obj in enumerate(objects):
            title = f"# {part.title}\n" if index == 0 else ""
            chunks.append(f"---\n{title}{_yaml(obj)}")
    return "".join(chunks)


def _livekit(part: Part) -> Iterator[Object]:
    """Yield what goes into LiveKit, in its own words; credentials are not shown."""
    desired = part.desired
    if desired is None or not desired.sip:
        return
    yield _document("LiveKitInboundTrunk", desired.trunk.name, trunk_message(desired.trunk))
    if desired.rule:
        message = rule_message(desired.rule, TRUNK_ID)
        yield _document("LiveKitDispatchRule", desired.rule.name, message)
    for trunk in desired.outbound:
        yield _document("LiveKitOutboundTrunk", trunk.name, outbound_message(trunk))


def _document(kind: str, name: str, message: Message) -> Object:
    content = MessageToDict(message, preserving_proto_field_name=True)
    if "auth_password" in content:
        content["auth_password"] = HIDDEN
    return {"kind": kind, "metadata": {"name": name}, "spec": content}


def _yaml(obj: Object) -> str:
    plain = orjson.loads(orjson.dumps(obj))  # enums and tuples become what they are on the wire
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
