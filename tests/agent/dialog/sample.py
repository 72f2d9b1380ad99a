"""The sample receptionist of manifests/samples as a worker sees it."""

from pathlib import Path

import yaml

from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_contract.dialog import Script

_SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "20-voiceagent.yaml"


def sample_script() -> Script:
    """The sample's script."""
    script = sample_config().script
    assert script is not None
    return script


def sample_config(script: Script | None = None) -> AgentConfig:
    """The sample's revision, or one with another script."""
    spec = VoiceAgentSpec.model_validate(yaml.safe_load(_SAMPLE.read_text())["spec"])
    assert spec.dialog.inline is not None
    return AgentConfig(
        namespace="smile-dental",
        name="receptionist",
        tenant="smile-dental",
        language=spec.language,
        persona=spec.persona,
        script=script or spec.dialog.inline,
        stt=spec.stt,
        tts=spec.tts,
        turn=spec.turn,
        limits=spec.limits,
    )
