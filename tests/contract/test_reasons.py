"""Every reason that a condition may have is explained, with a remedy where one is needed."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from switchboard_contract.crd import reasons
from switchboard_contract.crd.reasons import REASONS, Sort
from switchboard_contract.crd.status import ConditionType, Reason


def test_every_reason_is_explained_and_no_other() -> None:
    assert set(REASONS) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_an_explanation_says_where_what_and_what_to_do(reason: Reason) -> None:
    explained = REASONS[reason]
    assert explained.conditions
    assert set(explained.conditions) <= set(ConditionType)
    assert re.fullmatch(r"\S.*\.", explained.meaning)
    if explained.sort in {Sort.TROUBLE, Sort.ASKED}:
        assert re.fullmatch(r"\S.*[.`]", explained.remedy), "trouble without a remedy helps nobody"


def test_no_reason_is_explained_twice() -> None:
    """A second entry of a dict silently takes the place of the first, with all it says."""
    tree = ast.parse(Path(reasons.__file__).read_text(encoding="utf-8"))
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    keys = [ast.unparse(key) for table in tables for key in table.keys if key]
    assert len(keys) == len(REASONS), "the table is found"
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_no_name_of_the_table_is_defined_twice() -> None:
    tree = ast.parse(Path(reasons.__file__).read_text(encoding="utf-8"))
    targets = [
        target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    assert names
    assert [name for name, count in Counter(names).items() if count > 1] == []
