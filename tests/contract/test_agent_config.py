"""An agent revision is named by what it says, and says the same after a round trip."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.voice_agent import VoiceAgentSpec


def make_config(**changes: Any) -> AgentConfig:  # noqa: ANN401 - any field of the model
    wire: dict[str, Any] = {
        "namespace": "smile-dental",
        "name": "receptionist",
        "tenant": "smile-dental",
        "language": "en-US",
        "persona": {"name": "Ava"},
        "script": {
            "greeting": "Hello.",
            "intents": [{"name": "bye", "phrases": ["goodbye"], "hangUp": True}],
        },
        "stt": {},
        "tts": {},
        "turn": {},
        "limits": {},
    }
    return AgentConfig.model_validate(wire | changes)


@given(
    name=st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True),
    quota=st.none() | st.integers(1, 1000),
)
def test_round_trip_keeps_config_and_revision(name: str, quota: int | None) -> None:
    config = make_config(name=name, tenantConcurrentCalls=quota)
    again = AgentConfig.model_validate_json(config.to_json())
    assert again == config
    assert again.revision == config.revision


def test_any_change_gives_another_revision() -> None:
    config = make_config()
    assert make_config(persona={"name": "Eve"}).revision != config.revision
    assert make_config(limits={"maxCallSeconds": 60}).revision != config.revision


def test_a_script_that_transfers_needs_a_target() -> None:
    human = {"name": "human", "phrases": ["a human"], "say": "Yes.", "transfer": True}
    script = {"greeting": "Hello.", "intents": [human]}
    with pytest.raises(ValidationError, match="transfer must be set"):
        make_config(script=script)
    assert make_config(script=script, transfer={"to": "tel:+15550199"}).script is not None


@pytest.mark.parametrize("to", ["+15550199", "tel:5550199", "sip:example.com", "sip:a b@c", ""])
def test_a_target_is_a_telephone_or_sip_uri(to: str) -> None:
    with pytest.raises(ValidationError):
        make_config(transfer={"to": to})


def test_a_carrier_calls_only_where_there_is_a_briefing_and_dials_no_sips() -> None:
    warm = {"to": "tel:+15550199", "briefing": "A caller.", "carrier": "main"}
    assert make_config(transfer=warm).transfer is not None
    with pytest.raises(ValidationError, match="carrier needs briefing"):
        make_config(transfer={"to": "tel:+15550199", "carrier": "main"})
    with pytest.raises(ValidationError, match="tel: or sip:"):
        make_config(transfer=warm | {"to": "sips:desk@example.com"})


def test_revision_fits_a_kubernetes_name() -> None:
    assert make_config().revision.isalnum()
    assert len(make_config().revision) == 10


SPEC: dict[str, Any] = {
    "numbers": ["+15550100"],
    "persona": {"name": "Ava"},
    "dialog": {"configMapRef": {"name": "script", "key": "dialog.yaml"}},
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"numbers": ["5550100"]}, "numbers.0"),
        ({"numbers": []}, "numbers"),
        ({"numbers": ["+15550100", "+15550100"]}, ""),
        ({"dialog": {}}, "dialog"),
        ({"turn": {"endpointing": {"minSilenceMs": 900, "maxSilenceMs": 300}}}, "turn.endpointing"),
        ({"scaling": {"min": 4, "max": 2}}, "scaling"),
        ({"limits": {"maxCallSeconds": 0}}, "limits.maxCallSeconds"),
        ({"colour": "blue"}, "colour"),
        ({"language": "tlh"}, "language"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        VoiceAgentSpec.model_validate(SPEC | change)
    assert ".".join(map(str, caught.value.errors()[0]["loc"])) == field


def test_the_smallest_spec_is_accepted() -> None:
    spec = VoiceAgentSpec.model_validate(SPEC)
    assert spec.scaling.min == 1
    assert spec.turn.barge_in.enabled
