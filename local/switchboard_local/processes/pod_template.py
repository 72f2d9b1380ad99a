"""Reads a pod template as a kubelet would: which environment does the container get. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from switchboard_local.errors import LocalError

Objects = Mapping[str, Mapping[str, str]]
"""Name of a Secret or ConfigMap -> its data, decoded."""


class UnresolvedError(LocalError):
    """The template asks for something that is not there (yet)."""


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What fields of a pod that does not exist would be."""

    name: str
    namespace: str
    uid: str = ""
    address: str = "127.0.0.1"
    node: str = "this-machine"
    labels: Mapping[str, str] | None = None

    def field(self, path: str) -> str:
        """Return the value of a downward API field path."""
        values = {
            "metadata.name": self.name,
            "metadata.namespace": self.namespace,
            "metadata.uid": self.uid,
            "status.podIP": self.address,
            "status.hostIP": self.address,
            "spec.nodeName": self.node,
        }
        if path.startswith("metadata.labels['"):
            return (self.labels or {}).get(path.removeprefix("metadata.labels['")[:-2], "")
        if path not in values:
            raise UnresolvedError(f"field {path} cannot be had outside a pod")
        return values[path]


def template_hash(template: Mapping[str, Any]) -> str:
    """Return a short name of a pod template's content: another one means other processes."""
    text = json.dumps(template, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def referred_secrets(container: Mapping[str, Any]) -> set[str]:
    """Return the names of the Secrets that the environment refers to."""
    return _referred(container, "secretKeyRef", "secretRef")


def referred_config_maps(container: Mapping[str, Any]) -> set[str]:
    """Return the names of the ConfigMaps that the environment refers to."""
    return _referred(container, "configMapKeyRef", "configMapRef")


def resolve_environment(
    container: Mapping[str, Any], *, pod: PodFacts, secrets: Objects, config_maps: Objects
) -> dict[str, str]:
    """Return the container's environment; raises `UnresolvedError` for a missing object."""
    resolved: dict[str, str] = {}
    for source in container.get("envFrom", []):
        prefix = source.get("prefix", "")
        for kind, objects in (("secretRef", secrets), ("configMapRef", config_maps)):
            if reference := source.get(kind):
                data = _object(objects, reference)
                resolved |= {f"{prefix}{key}": value for key, value in data.items()}
    for entry in container.get("env", []):
        value = _value(entry, pod, secrets, config_maps)
        if value is not None:
            resolved[entry["name"]] = value
    return resolved


def refuse_secret_files(pod: Mapping[str, Any]) -> None:
    """Raise `UnresolvedError` where containers get keys of Secrets as files.

    A pod has its own `/var/run`; a process has the machine's, which is not ours to write to.
    """
    secrets = [
        volume["secret"]["secretName"] for volume in pod.get("volumes", []) if "secret" in volume
    ]
    if secrets:
        raise UnresolvedError(
            f"the keys of Secret {', '.join(secrets)} are files in a pod, which a worker process "
            "cannot have",
            remedy="run the local system with pods: as root, without --no-pods",
        )


def _value(
    entry: Mapping[str, Any], pod: PodFacts, secrets: Objects, config_maps: Objects
) -> str | None:
    source = entry.get("valueFrom")
    if source is None:
        return str(entry.get("value", ""))
    if reference := source.get("fieldRef"):
        return pod.field(reference["fieldPath"])
    for kind, objects in (("secretKeyRef", secrets), ("configMapKeyRef", config_maps)):
        if reference := source.get(kind):
            value = _object(objects, reference).get(reference["key"])
            if value is None and not reference.get("optional"):
                raise UnresolvedError(f"{reference['name']} has no key {reference['key']}")
            return value
    raise UnresolvedError(f"{entry['name']}: a source of this kind is not known: {sorted(source)}")


def _object(objects: Objects, reference: Mapping[str, Any]) -> Mapping[str, str]:
    found = objects.get(reference["name"])
    if found is None:
        if reference.get("optional"):
            return {}
        raise UnresolvedError(f"{reference['name']} does not exist")
    return found


def _referred(container: Mapping[str, Any], key_kind: str, whole_kind: str) -> set[str]:
    keys = {
        entry["valueFrom"][key_kind]["name"]
        for entry in container.get("env", [])
        if key_kind in entry.get("valueFrom", {})
    }
    wholes = {
        source[whole_kind]["name"]
        for source in container.get("envFrom", [])
        if whole_kind in source
    }
    return keys | wholes
