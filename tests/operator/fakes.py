"""A Kubernetes API and a LiveKit in memory, with the answers the real ones gave when measured."""

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

from livekit.protocol.sip import (
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
)
from typing_extensions import override

from switchboard_contract import names
from switchboard_operator.errors import (
    ConflictError,
    LiveKitRefusedError,
    LiveKitUnreachableError,
    NotFoundError,
    OperatorError,
)
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object, name_of, namespace_of, uid_of
from switchboard_operator.sip.api import SipApi
from switchboard_operator.sip.wire import Info

OnEvent = Callable[[Kind, str, Object], None]
Place = tuple[Kind, str, str]


class FakeKube(KubeApi):
    """Keeps objects, counts resource versions, tells a listener what changes."""

    def __init__(self) -> None:
        self.objects: dict[Place, Object] = {}
        self.writes: list[tuple[str, str, str]] = []
        self.on_event: OnEvent = lambda _kind, _type, _obj: None
        self.fails: dict[str, OperatorError] = {}
        """Verb -> error that it raises from now on."""
        self.served: set[Kind] = set()
        """Kinds that somebody installed: what optional ones are served."""
        self.listed: Counter[Kind] = Counter()
        self._versions = count(1)
        self._uids = count(1)

    def put(self, kind: Kind, obj: Object) -> Object:
        """Write as a user: no finalizer or owner is checked."""
        place = (kind, namespace_of(obj), name_of(obj))
        old = self.objects.get(place)
        new = copy.deepcopy(obj)
        meta = new["metadata"]
        meta.setdefault("uid", uid_of(old) if old else f"uid-{next(self._uids)}")
        meta.setdefault("creationTimestamp", f"2026-01-01T00:00:{next(self._versions):02d}Z")
        changed_spec = old is None or old.get("spec") != new.get("spec")
        before = old["metadata"]["generation"] if old else 0
        meta["generation"] = before + (1 if changed_spec else 0)
        return self._store(place, new, "ADDED" if old is None else "MODIFIED")

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete as a user: with finalizers the object only begins to go."""
        obj = self.objects[kind, namespace, name]
        if obj["metadata"].get("finalizers"):
            obj["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
            self._store((kind, namespace, name), obj, "MODIFIED")
        else:
            self._drop((kind, namespace, name))

    @override
    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        try:
            return copy.deepcopy(self.objects[kind, namespace, name])
        except KeyError:
            raise NotFoundError(404, "NotFound", f"{kind.plural} {name} not found") from None

    @override
    async def pages(
        self, kind: Kind, selector: str = ""
    ) -> AsyncIterator[tuple[list[Object], str]]:
        self.listed[kind] += 1
        found = [obj for place, obj in self.objects.items() if place[0] is kind]
        matching = [copy.deepcopy(obj) for obj in found if _matches(obj, selector)]
        version = str(next(self._versions))
        half = len(matching) // 2
        for page in (matching[:half], matching[half:]):
            yield page, version

    @override
    async def create(self, kind: Kind, obj: Object) -> Object:
        place = self._write("create", kind, obj)
        if place in self.objects:
            raise ConflictError(409, "AlreadyExists", f"{kind.plural} {name_of(obj)} exists")
        new = copy.deepcopy(obj)
        new["metadata"]["managedFields"] = [_entry("Update", obj)]
        return self.put(kind, new)

    @override
    async def apply(self, kind: Kind, obj: Object, subresource: str = "") -> Object:
        place = self._write(f"apply_{subresource}" if subresource else "apply", kind, obj)
        old = self.objects.get(place)
        uid = obj["metadata"].get("uid")
        if old is None and uid:
            raise ConflictError(409, "Conflict", "uid mismatch: no existing object was found")
        if old is None and subresource:
            raise NotFoundError(404, "NotFound", "no such object")
        merged = _merged(old or {}, obj)
        if subresource == "status":  # one manager has all of it: what it leaves out goes
            merged["status"] = copy.deepcopy(obj["status"])
        if not subresource:
            merged["metadata"].setdefault("managedFields", []).append(_entry("Apply", obj))
        if merged == old:
            return copy.deepcopy(merged)
        return self.put(kind, merged)

    @override
    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: object, *, subresource: str = ""
    ) -> Object:
        named = {"metadata": {"namespace": namespace, "name": name}}
        place = self._write(f"patch_{subresource}" if subresource else "patch", kind, named)
        if place not in self.objects:
            raise NotFoundError(404, "NotFound", name)
        obj = copy.deepcopy(self.objects[place])
        if isinstance(patch, list):
            _json_patch(obj, patch)
        else:
            assert isinstance(patch, dict)
            version = patch.get("metadata", {}).get("resourceVersion")
            if version not in {None, obj["metadata"]["resourceVersion"]}:
                raise ConflictError(409, "Conflict", "the object has been modified")
            obj = _merged(obj, {**patch, "metadata": {}})
            _annotate(obj, patch.get("metadata", {}).get("annotations", {}))
            labels = patch.get("metadata", {}).get("labels", {})
            obj["metadata"].setdefault("labels", {}).update(labels)
        if obj["metadata"].get("deletionTimestamp") and not obj["metadata"].get("finalizers"):
            self._drop(place)
            return obj
        return self.put(kind, obj)

    @override
    async def delete(self, kind: Kind, obj: Object) -> None:
        place = self._write("delete", kind, obj)
        if place in self.objects and uid_of(self.objects[place]) == uid_of(obj):
            self._drop(place)

    @override
    async def discover(self) -> list[Object]:
        return [_api_group(kind) for kind in sorted(self.served, key=lambda kind: kind.group)]

    def _write(self, verb: str, kind: Kind, obj: Object) -> Place:
        if verb in self.fails:
            raise self.fails[verb]
        if kind.optional and kind not in self.served:
            raise NotFoundError(404, "NotFound", "the server could not find the resource")
        self.writes.append((verb, kind.kind, name_of(obj)))
        return kind, namespace_of(obj), name_of(obj)

    def _store(self, place: Place, obj: Object, event: str) -> Object:
        obj["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[place] = obj
        self.on_event(place[0], event, copy.deepcopy(obj))
        return copy.deepcopy(obj)

    def _drop(self, place: Place) -> None:
        obj = self.objects.pop(place)
        obj["metadata"]["resourceVersion"] = str(next(self._versions))
        self.on_event(place[0], "DELETED", obj)


def _api_group(kind: Kind) -> Object:
    version = {"version": kind.version, "resources": [{"resource": kind.plural}]}
    return {"metadata": {"name": kind.group}, "versions": [version]}


def _matches(obj: Object, selector: str) -> bool:
    labels = obj["metadata"].get("labels") or {}
    key, _, value = selector.partition("=")
    return not selector or (key in labels and value in {"", labels[key]})


def _entry(operation: str, obj: Object) -> Object:
    fields: Object = {"f:spec": {f"f:{key}": {} for key in obj.get("spec", {})}}
    return {"manager": names.FIELD_MANAGER, "operation": operation, "fieldsV1": fields}


def _merged(old: Object, new: Object) -> Object:
    merged: dict[str, Any] = copy.deepcopy(old)
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _annotate(obj: Object, annotations: Object) -> None:
    there = obj["metadata"].setdefault("annotations", {})
    for key, value in annotations.items():
        there.pop(key, None)
        if value is not None:
            there[key] = value


def _json_patch(obj: Object, operations: list[Object]) -> None:
    for operation in operations:
        *way, last = operation["path"].strip("/").split("/")
        target: Any = obj
        for part in way:
            target = target[int(part) if isinstance(target, list) else part]
        index: Any = int(last) if isinstance(target, list) else last
        if operation["op"] == "test" and target[index] != operation["value"]:
            raise ConflictError(422, "Invalid", f"test failed: {operation['path']}")
        if operation["op"] == "replace":
            target[index] = operation["value"]
        if operation["op"] == "remove":
            del target[index]


class FakeSip(SipApi):
    """LiveKit's SIP API, with its conflict answer and its careless deletes."""

    def __init__(self) -> None:
        self.trunks: dict[str, SIPInboundTrunkInfo] = {}
        self.rules: dict[str, SIPDispatchRuleInfo] = {}
        self.outbound: dict[str, SIPOutboundTrunkInfo] = {}
        self.rooms: list[tuple[str, str]] = []
        self.writes: list[str] = []
        self.down = False
        self.lists = 0
        """Lists of rooms so far."""
        self._ids = count(1)

    @override
    async def list_trunks(self) -> list[SIPInboundTrunkInfo]:
        self._answer()
        return [_copy(trunk) for trunk in self.trunks.values()]

    @override
    async def list_rules(self) -> list[SIPDispatchRuleInfo]:
        self._answer()
        return [_copy(rule) for rule in self.rules.values()]

    @override
    async def list_rooms(self) -> list[tuple[str, str]]:
        self._answer()
        self.lists += 1
        await asyncio.sleep(0)
        return list(self.rooms)

    @override
    async def create_trunk(self, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        self._answer("create_trunk")
        return self._keep_trunk(f"ST_{next(self._ids)}", trunk)

    @override
    async def replace_trunk(self, trunk_id: str, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        self._answer("replace_trunk")
        return self._keep_trunk(trunk_id, trunk)

    @override
    async def delete_trunk(self, trunk_id: str) -> None:
        self._answer("delete_trunk")
        self.trunks.pop(trunk_id, None)
        self.outbound.pop(trunk_id, None)

    @override
    async def delete_room(self, name: str) -> None:
        self._answer("delete_room")
        self.rooms = [room for room in self.rooms if room[0] != name]

    @override
    async def list_outbound(self) -> list[SIPOutboundTrunkInfo]:
        self._answer()
        return [_copy(trunk) for trunk in self.outbound.values()]

    @override
    async def create_outbound(self, trunk: SIPOutboundTrunkInfo) -> SIPOutboundTrunkInfo:
        self._answer("create_outbound")
        return self._keep_outbound(f"ST_{next(self._ids)}", trunk)

    @override
    async def replace_outbound(
        self, trunk_id: str, trunk: SIPOutboundTrunkInfo
    ) -> SIPOutboundTrunkInfo:
        self._answer("replace_outbound")
        return self._keep_outbound(trunk_id, trunk)

    @override
    async def create_rule(self, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        self._answer("create_rule")
        kept = self._keep_rule(f"SDR_{next(self._ids)}", rule)
        kept.media.SetInParent()  # creates add an empty media block, replace drops it
        return _copy(kept)

    @override
    async def replace_rule(self, rule_id: str, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        self._answer("replace_rule")
        return _copy(self._keep_rule(rule_id, rule))

    @override
    async def delete_rule(self, rule_id: str) -> None:
        self._answer("delete_rule")
        self.rules.pop(rule_id, None)

    def _answer(self, write: str = "") -> None:
        if self.down:
            raise LiveKitUnreachableError("LiveKit at http://fake does not answer")
        if write:
            self.writes.append(write)

    def _keep_trunk(self, trunk_id: str, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        for other_id, other in self.trunks.items():
            if other_id != trunk_id and set(other.numbers) & set(trunk.numbers):
                raise LiveKitRefusedError(
                    f'Conflicting inbound SIP Trunks: "<new>" and "{other_id}"'
                )
        kept = _copy(trunk)
        kept.sip_trunk_id = trunk_id
        self.trunks[trunk_id] = kept
        return _copy(kept)

    def _keep_outbound(self, trunk_id: str, trunk: SIPOutboundTrunkInfo) -> SIPOutboundTrunkInfo:
        kept = _copy(trunk)
        kept.sip_trunk_id = trunk_id
        self.outbound[trunk_id] = kept
        return _copy(kept)

    def _keep_rule(self, rule_id: str, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        kept = _copy(rule)
        kept.sip_dispatch_rule_id = rule_id
        self.rules[rule_id] = kept
        return kept


def _copy(info: Info) -> Info:
    copied = type(info)()
    copied.CopyFrom(info)
    return copied
