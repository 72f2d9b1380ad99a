"""Quantities that mean the same are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_operator.kube.quantity import parse, same_quantity


@pytest.mark.parametrize(
    ("one", "other"),
    [(0.5, "500m"), (1, "1"), ("1Gi", "1024Mi"), ("1e3", "1k"), ("1E", "1000P"), ("0.1", "100m")],
)
def test_spellings_of_one_quantity(one: object, other: object) -> None:
    assert same_quantity(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("1G", "1Gi"), ("1", None), ("a", "b"), ("1mi", "1Mi"), ("1M", "1m")]
)
def test_different_quantities(one: object, other: object) -> None:
    assert not same_quantity(one, other)


@given(st.text(alphabet="0123456789.+-eEinumkKMGTP", max_size=8))
def test_any_text_is_a_quantity_or_is_not(text: str) -> None:
    value = parse(text)
    assert value is None or value == parse(text)
    assert same_quantity(text, text)
