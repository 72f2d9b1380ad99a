"""Which variant serves a call: stable for one call, as asked over many."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_contract.agent_config import DispatchMetadata, VariantShare
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_contract.variants import pick

_CALLS = [f"sb-clinic-desk_+1555{number:07d}_{number:x}" for number in range(4000)]


def _dispatch(*weights: int, agent: str = "clinic/desk") -> DispatchMetadata:
    shares = [
        VariantShare(name=f"v{index}", revision=f"{index:010d}", weight=weight)
        for index, weight in enumerate(weights)
    ]
    return DispatchMetadata(agent=agent, revision="ffffffffff", variants=shares)


def _names(dispatch: DispatchMetadata) -> list[str]:
    found = (pick(dispatch, call) for call in _CALLS)
    return [share.name if share else "" for share in found]


def _gaps(cuts: list[int]) -> list[int]:
    """Make weights that add up to at most 100 of places on the line."""
    return [end - start for start, end in itertools.pairwise(sorted([0, *cuts]))]


_CUTS = st.lists(st.integers(0, 100), max_size=10)
_WEIGHTS = _CUTS.map(_gaps)


@given(_WEIGHTS, st.text(max_size=60))
def test_the_same_call_always_falls_to_the_same_variant(weights: list[int], call: str) -> None:
    assert pick(_dispatch(*weights), call) == pick(_dispatch(*weights), call)


@given(_WEIGHTS, st.text(max_size=60))
def test_a_variant_without_weight_serves_nobody(weights: list[int], call: str) -> None:
    share = pick(_dispatch(*weights), call)
    assert share is None or share.weight > 0


@given(_CUTS.map(lambda cuts: _gaps([*cuts, 100])), st.text(max_size=60))
def test_weights_of_a_hundred_leave_nothing_to_the_spec(weights: list[int], call: str) -> None:
    assert pick(_dispatch(*weights), call) is not None


@given(_WEIGHTS)
def test_over_many_calls_the_shares_come_out_as_asked(weights: list[int]) -> None:
    counted = Counter(_names(_dispatch(*weights)))
    for index, weight in enumerate(weights):
        assert abs(counted[f"v{index}"] / len(_CALLS) - weight / 100) < 0.04


def test_a_change_of_the_last_weight_moves_no_call_between_the_others() -> None:
    before, after = _names(_dispatch(20, 30)), _names(_dispatch(20, 10))
    moved = {pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]}
    assert moved == {("v1", "")}


def test_agents_do_not_share_their_luck() -> None:
    one, other = _dispatch(50), _dispatch(50, agent="clinic/night")
    same = sum(bool(pick(one, call)) == bool(pick(other, call)) for call in _CALLS)
    assert 0.45 < same / len(_CALLS) < 0.55


def test_no_variants_is_the_revision_itself_and_nothing_on_the_wire() -> None:
    dispatch = _dispatch()
    assert pick(dispatch, "any") is None
    assert "variants" not in dispatch.model_dump_json(exclude_defaults=True)


def test_a_variants_language_model_is_served_by_vllm() -> None:
    server = {"name": "ears", "engine": "triton", "model": "whisper", "gpuProfile": "l4"}
    llm = {"providers": [{"name": "own", "modelServer": "ears"}]}
    wrong = {
        "numbers": ["+15550100"],
        "persona": {"name": "Amy"},
        "dialog": {"prompt": {"greeting": "Hello.", "instructions": "Help."}},
        "llm": {"providers": [{"name": "a", "baseUrl": "http://x.example", "model": "m"}]},
        "modelServers": [server],
        "variants": [{"name": "loud", "weight": 1, "llm": llm}],
    }
    with pytest.raises(ValueError, match="variant loud: llm needs a modelServer of engine vllm"):
        VoiceAgentSpec.model_validate(wrong)
