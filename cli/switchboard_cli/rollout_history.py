"""The kept revisions of a VoiceAgent: their order, their differences, which one to go back to."""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from switchboard_contract import names
from switchboard_operator.desired.revision import made
from switchboard_operator.kube.objects import Object, labels_of, owner_uid, uid_of

_PATHS_SHOWN = 3
_ABSENT = object()


class RevisionError(Exception):
    """There is no such revision; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One kept agent revision."""

    name: str
    created: str
    variant: str
    """Empty for the agent's own."""
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the history."""

    revision: str
    created: str
    variant: str
    serves: bool
    pinned: bool
    of_spec: bool
    """Whether the spec as it is compiles to it."""
    changes: list[str]
    """Fields that differ from the revision before."""


def revisions_of(agent: Object, config_maps: Sequence[Object]) -> list[Revision]:
    """Return the revisions that belong to a VoiceAgent, oldest first."""
    return [
        Revision(
            name=labels_of(obj)[names.LABEL_REVISION],
            created=str(obj["metadata"].get("creationTimestamp", "")),
            variant=labels_of(obj).get(names.LABEL_VARIANT, ""),
            config=json.loads((obj.get("data") or {}).get(names.REVISION_KEY) or "{}"),
        )
        for obj in sorted(config_maps, key=made)
        if names.LABEL_REVISION in labels_of(obj) and owner_uid(obj) == uid_of(agent)
    ]


def history(agent: Object, revisions: Sequence[Revision]) -> list[HistoryEntry]:
    """Return the history, oldest first; each is compared with the one before of its variant."""
    status = agent.get("status") or {}
    serving, pinned = status.get("revision", ""), status.get("pinnedRevision", "")
    of_spec = status.get("specRevision") or serving
    before: dict[str, Revision] = {}
    entries = []
    for revision in revisions:
        last = before.get(revision.variant)
        entries.append(
            HistoryEntry(
                revision=revision.name,
                created=revision.created,
                variant=revision.variant,
                serves=revision.name == serving,
                pinned=revision.name == pinned,
                of_spec=revision.name == of_spec,
                changes=changed_paths(last.config, revision.config) if last else [],
            )
        )
        before[revision.variant] = revision
    return entries


def find(revisions: Sequence[Revision], name: str) -> Revision:
    """Return a revision by its name, or by the beginning of it. Raises RevisionError."""
    found = [revision for revision in revisions if revision.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(revision.name for revision in revisions) or "none"
    why = "is not kept" if not found else "is the beginning of more than one"
    raise RevisionError(f"revision {name} {why}; kept: {known}")


def previous(revisions: Sequence[Revision], serving: str) -> Revision:
    """Return what an undo goes back to: the one made before the serving one.

    If there is none older (an old revision came back, since its content came back), the newest
    other one. Raises RevisionError.
    """
    own = [revision for revision in revisions if not revision.variant]
    index = next((i for i, revision in enumerate(own) if revision.name == serving), len(own))
    if index > 0:
        return own[index - 1]
    others = [revision for revision in own if revision.name != serving]
    if not others:
        raise RevisionError(
            "there is no other revision to go back to: spec.revisionHistoryLimit keeps the old ones"
        )
    return others[-1]


def diff(old: Revision, new: Revision) -> str:
    """Return the difference of two revisions as unified YAML; empty if there is none."""
    lines = difflib.unified_diff(
        _yaml(old.config).splitlines(),
        _yaml(new.config).splitlines(),
        f"revision {old.name}",
        f"revision {new.name}",
        lineterm="",
    )
    return "\n".join(lines)


def changed_paths(old: object, new: object) -> list[str]:
    """Return the fields that differ, such as `persona.name`."""
    return list(_changed(old, new, ""))


def summary(paths: Sequence[str]) -> str:
    """Say in a few words what changed."""
    shown = ", ".join(paths[:_PATHS_SHOWN])
    more = len(paths) - _PATHS_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")


def _changed(old: object, new: object, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{path}.{key}" if path else key
            yield from _changed(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _changed(before, after, f"{path}[{index}]")
    elif old != new and not _unset(old, new):
        yield path


def _unset(old: object, new: object) -> bool:
    """A field that came with a new version of the operator and holds nothing is no change."""
    return {id(old), id(new)} == {id(_ABSENT), id(None)}


def _yaml(config: dict[str, Any]) -> str:
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100)
