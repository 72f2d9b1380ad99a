"""Kubernetes objects from files, made to look as if an API server had stored them."""

import base64
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from switchboard_contract.crd.meta import DnsLabel
from switchboard_contract.crd.rules import MAX_VOICE_AGENT_NAME, TENANT_NAME, VOICE_AGENT_NAME
from switchboard_operator.kube.kinds import (
    CONFIG_MAP,
    NAMESPACE,
    SECRET,
    TENANT,
    VOICE_AGENT,
    Kind,
)
from switchboard_operator.kube.objects import Object

_KINDS = {kind.kind: kind for kind in (NAMESPACE, TENANT, VOICE_AGENT, CONFIG_MAP, SECRET)}
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_BIRTH = datetime(2000, 1, 1, tzinfo=UTC)
_NAME: TypeAdapter[str] = TypeAdapter(DnsLabel)
_UID_SPACE = uuid.UUID("5b1d7a52-6f0e-4c3a-9d0c-7a4e61f2c9b0")


class ManifestError(Exception):
    """A file cannot be used; the message names it and what is wrong."""


@dataclass(slots=True)
class Manifests:
    """What the files hold, by kind, in the order of the files."""

    objects: list[tuple[Kind, Object]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    """`Kind/name` of objects that have no part in this."""

    def of(self, kind: Kind) -> list[Object]:
        """Return the objects of a kind."""
        return [obj for found, obj in self.objects if found is kind]


def read(paths: Sequence[Path], namespace: str) -> Manifests:
    """Read files and folders; `namespace` is for objects that name none. Raises ManifestError."""
    found = Manifests()
    seen: set[tuple[str, str, str]] = set()
    for path in _files(paths):
        for document in _documents(path):
            _add(found, document, path, namespace, seen)
    return found


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (p for p in sorted(path.iterdir()) if p.suffix in _SUFFIXES)
        else:
            yield path


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    stdin = str(path) == "-"
    try:
        text = Path("/dev/stdin" if stdin else path).read_text("utf-8")
        documents: Iterable[Any] = list(yaml.safe_load_all(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict):
            raise ManifestError(f"{path} holds something that is no Kubernetes object")
        if document.get("kind") == "List":
            yield from document.get("items") or []
        else:
            yield document


def _add(
    found: Manifests,
    document: dict[str, Any],
    path: Path,
    namespace: str,
    seen: set[tuple[str, str, str]],
) -> None:
    metadata = document.get("metadata") or {}
    name = metadata.get("name")
    if not name:
        raise ManifestError(f"{path}: an object of kind {document.get('kind')} has no name")
    kind = _KINDS.get(str(document.get("kind")))
    if kind is None:
        found.ignored.append(f"{document.get('kind')}/{name}")
        return
    if document.get("apiVersion") != kind.api_version:
        raise ManifestError(f"{path}: {kind.kind} {name}: apiVersion must be {kind.api_version}")
    where = str(metadata.get("namespace") or namespace) if kind.namespaced else ""
    if (kind.kind, where, name) in seen:
        raise ManifestError(f"{path}: {kind.kind} {name} is there twice; remove one")
    seen.add((kind.kind, where, name))
    _refuse_name(kind, str(name), path)
    found.objects.append((kind, _stored(document, kind, where, len(found.objects))))


def _refuse_name(kind: Kind, name: str, path: Path) -> None:
    """Refuse what the CRD refuses."""
    rules = {VOICE_AGENT: (VOICE_AGENT_NAME, MAX_VOICE_AGENT_NAME), TENANT: (TENANT_NAME, 63)}
    if kind not in rules:
        return
    rule, longest = rules[kind]
    try:
        _NAME.validate_python(name)
    except ValidationError:
        longest = 0
    if len(name) > longest:
        raise ManifestError(f"{path}: {kind.kind} {name}: {rule.message}")


def _stored(document: dict[str, Any], kind: Kind, namespace: str, index: int) -> Object:
    """Return the object with what an API server adds. Who comes first in the files is older."""
    given = document["metadata"]
    created = _BIRTH + timedelta(seconds=index)
    uid = uuid.uuid5(_UID_SPACE, f"{kind.kind}/{namespace}/{given['name']}")
    metadata = {
        "uid": str(uid),
        "resourceVersion": str(index + 1),
        "generation": 1,
        "creationTimestamp": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **{key: value for key, value in given.items() if value is not None},
    }
    if namespace:
        metadata["namespace"] = namespace
    obj = {**document, "metadata": metadata}
    obj.pop("status", None)
    if kind is SECRET and document.get("stringData"):
        plain = {
            k: base64.b64encode(str(v).encode()).decode() for k, v in obj["stringData"].items()
        }
        obj["data"] = {**(document.get("data") or {}), **plain}
    return _as_kept(obj)


def _as_kept(obj: Object) -> Object:
    """Return the object with its keys sorted, as the API server gives them back.

    The order of a dialog's slots is part of the revision's bytes, and so of its name.
    """
    kept: Object = json.loads(json.dumps(obj, sort_keys=True, default=str))
    return kept
