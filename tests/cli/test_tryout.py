"""`switchboard try`, as a user without cluster, Go or root runs it."""

import json
import wave
from pathlib import Path

import pytest
from click.testing import CliRunner

from switchboard_cli.tryout import app
from switchboard_cli.tryout_agent import SAMPLE, ManifestError, load_agent

AGENT = """
apiVersion: switchboard.dev/v1alpha1
kind: VoiceAgent
metadata: {name: desk, namespace: clinic}
spec:
  numbers: ["+15550101"]
  persona: {name: Ann}
  dialog: %s
"""
INLINE = "{inline: {greeting: Hi., intents: [{name: bye, phrases: [bye], hangUp: true}]}}"


def write(folder: Path, text: str) -> Path:
    path = folder / "agent.yaml"
    path.write_text(text, "utf-8")
    return path


def test_an_inline_dialog_becomes_the_agents_script(tmp_path: Path) -> None:
    config = load_agent(write(tmp_path, AGENT % INLINE))
    assert config.key == "clinic/desk"
    assert config.script is not None
    assert config.script.greeting == "Hi."


def test_a_dialog_in_a_config_map_of_the_same_file_is_found(tmp_path: Path) -> None:
    config_map = """---
kind: ConfigMap
metadata: {name: script}
data:
  dialog: |
    greeting: Hello from the map.
    intents: [{name: bye, phrases: [bye], hangUp: true}]
"""
    agent = AGENT % "{configMapRef: {name: script, key: dialog}}"
    config = load_agent(write(tmp_path, agent + config_map))
    assert config.script is not None
    assert config.script.greeting == "Hello from the map."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("kind: Tenant", "holds 0 VoiceAgents"),
        (AGENT % "{}", "exactly one of inline, configMapRef and prompt"),
        (AGENT % "{configMapRef: {name: script, key: dialog}}", "ConfigMap is not in the file"),
        ("kind: VoiceAgent\nspec: 3", "not a valid VoiceAgent"),
    ],
)
def test_a_manifest_that_cannot_be_tried_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        load_agent(write(tmp_path, text))


def test_a_wrong_file_is_a_message_and_no_traceback(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "missing.yaml")])
    assert result.exit_code == 1
    assert "cannot be read" in result.output


def test_a_voice_that_is_not_there_is_a_message_and_no_traceback(tmp_path: Path) -> None:
    text = AGENT % INLINE + "  tts: {provider: espeak-ng, voice: xx-none}"
    result = CliRunner().invoke(app, [str(write(tmp_path, text)), "--fast"])
    assert result.exit_code == 1
    assert "Error: espeak-ng has no voice xx-none: try en-us" in result.output


@pytest.mark.integration
def test_the_recorded_caller_books_with_the_sample_agent(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--fast", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    timings = json.loads((tmp_path / "timings.json").read_text("utf-8"))
    assert timings["outcome"] == "completed"
    assert timings["slots"]["day"] == "wednesday"
    assert timings["interruptions"] == 1
    assert timings["turn_latency_ms"]["samples"] == 8
    assert timings["turn_latency_ms"]["p50"] <= 400
    with wave.open(str(tmp_path / "call.wav")) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 16_000)
        assert sound.getnframes() / 16_000 == pytest.approx(timings["duration_ms"] / 1000, abs=1)


def test_the_sample_of_the_checkout_can_be_tried() -> None:
    assert load_agent(SAMPLE).persona.business == "Smile Dental"
