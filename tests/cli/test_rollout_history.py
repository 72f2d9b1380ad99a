"""The history of a VoiceAgent's revisions, and what an undo goes back to."""

import json
from typing import Any

import pytest

from switchboard_cli.rollout_history import (
    Revision,
    RevisionError,
    changed_paths,
    diff,
    find,
    history,
    previous,
    revisions_of,
    summary,
)
from switchboard_contract import names

_AGENT: dict[str, Any] = {"metadata": {"name": "desk", "namespace": "clinic", "uid": "u1"}}


def _config_map(name: str, second: int, generation: int, **config: Any) -> dict[str, Any]:  # noqa: ANN401
    labels = {names.LABEL_REVISION: name}
    if "variant" in config:
        labels[names.LABEL_VARIANT] = config["variant"]
    return {
        "metadata": {
            "name": f"desk-{name}",
            "creationTimestamp": f"2026-01-01T00:00:{second:02d}Z",
            "labels": labels,
            "annotations": {names.ANNOTATION_GENERATION: str(generation)},
            "ownerReferences": [{"controller": True, "uid": "u1"}],
        },
        "data": {names.REVISION_KEY: json.dumps(config)},
    }


def _serving(name: str, **status: str) -> dict[str, Any]:
    return {**_AGENT, "status": {"revision": name, **status}}


def _named(*found: str) -> list[Revision]:
    return [Revision(name, "", "", {}) for name in found]


def test_revisions_of_one_second_stand_in_the_order_of_their_generations() -> None:
    listed = [_config_map("aa", 1, 10), _config_map("bb", 1, 9), _config_map("cc", 0, 30)]
    foreign = _config_map("dd", 2, 1)
    foreign["metadata"]["ownerReferences"] = []
    found = revisions_of(_AGENT, [*listed, foreign])
    assert [revision.name for revision in found] == ["cc", "bb", "aa"]


def test_history_says_what_changed_and_which_one_serves() -> None:
    revisions = revisions_of(
        _AGENT,
        [
            _config_map("aa", 1, 1, persona={"name": "Amy"}, x=[1, 2]),
            _config_map("vv", 2, 2, persona={"name": "Vi"}, variant="polite"),
            _config_map("bb", 3, 3, persona={"name": "Bea"}, x=[1, 3]),
        ],
    )
    entries = history(_serving("aa", pinnedRevision="aa", specRevision="bb"), revisions)
    assert [entry.changes for entry in entries] == [[], [], ["persona.name", "x[1]"]]
    assert [(e.serves, e.pinned, e.of_spec) for e in entries] == [
        (True, True, False),
        (False, False, False),
        (False, False, True),
    ]


def test_an_undo_goes_to_the_one_before_and_to_the_newest_where_there_is_none() -> None:
    revisions = [*_named("a", "b", "c"), Revision("v", "", "polite", {})]
    assert previous(revisions, "c").name == "b"
    assert previous(revisions, "b").name == "a"
    assert previous(revisions, "a").name == "c"
    with pytest.raises(RevisionError, match="revisionHistoryLimit"):
        previous(_named("a"), "a")


def test_a_revision_is_found_by_the_beginning_of_its_name() -> None:
    revisions = _named("ab12", "ab34", "cd56")
    assert find(revisions, "cd").name == "cd56"
    with pytest.raises(RevisionError, match="more than one"):
        find(revisions, "ab")
    with pytest.raises(RevisionError, match="is not kept; kept: ab12, ab34, cd56"):
        find(revisions, "zz")


def test_a_diff_is_unified_yaml_of_the_fields() -> None:
    old = Revision("a", "", "", {"persona": {"name": "Amy"}, "language": "en-US"})
    new = Revision("b", "", "", {"persona": {"name": "Bea"}, "language": "en-US"})
    lines = diff(old, new).splitlines()
    assert lines[:2] == ["--- revision a", "+++ revision b"]
    assert {"-  name: Amy", "+  name: Bea"} <= set(lines)
    assert diff(old, old) == ""


def test_a_field_that_came_with_an_upgrade_and_holds_nothing_is_no_change() -> None:
    assert changed_paths({"a": 1}, {"a": 1, "variant": None}) == []
    assert changed_paths({"a": 1}, {"a": 1, "variant": "x"}) == ["variant"]
    assert changed_paths({"x": [1]}, {"x": [1, 2]}) == ["x"]


def test_many_changes_are_counted() -> None:
    assert summary(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
