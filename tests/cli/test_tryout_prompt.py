"""`switchboard try` with an agent that a language model leads."""

import asyncio
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from switchboard_agent.llm.base import Message, Role
from switchboard_agent.llm.models import LanguageModels
from switchboard_agent.recordings import load_conversation
from switchboard_agent.telemetry import Telemetry
from switchboard_cli import tryout_call
from switchboard_cli.tryout import app
from switchboard_cli.tryout_agent import ManifestError, load_agent
from switchboard_cli.tryout_report import PrintingRecorder
from switchboard_contract.call_events import ReplySpoken, TurnHeard
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from tests.agent.llm.rig import language_model, prompt_config
from tests.support.openai_server import OpenAiServer
from tests.support.virtual_time import run_virtual

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples-more" / "40-voiceagent-prompt.yaml"


def without_keys(folder: Path, url: str) -> Path:
    """The sample with one endpoint that wants no key."""
    agent = yaml.safe_load(SAMPLE.read_text("utf-8"))
    agent["spec"]["llm"]["providers"] = [{"name": "one", "baseUrl": url, "model": "stand-in"}]
    path = folder / "agent.yaml"
    path.write_text(yaml.safe_dump(agent), "utf-8")
    return path


def test_the_sample_is_valid_and_compiles_to_a_chain(tmp_path: Path) -> None:
    spec = VoiceAgentSpec.model_validate(yaml.safe_load(SAMPLE.read_text("utf-8"))["spec"])
    assert spec.llm is not None
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "token").write_text("secret")
    config = load_agent(SAMPLE, tmp_path)
    assert config.script is None
    assert [llm.name for llm in config.llm] == ["own", "openai"]
    assert config.llm[1].api_key_file == f"{tmp_path}/openai/token"


def test_a_key_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"openai/token .* as --secrets"):
        load_agent(SAMPLE, tmp_path)


def test_a_model_server_cannot_be_tried_without_a_cluster(tmp_path: Path) -> None:
    path = without_keys(tmp_path, "http://unused.example/v1")
    agent = yaml.safe_load(path.read_text("utf-8"))
    ask = {"name": "chat", "engine": "vllm", "model": "m", "gpuProfile": "small"}
    agent["spec"] |= {
        "llm": {"providers": [{"name": "own", "modelServer": "chat"}]},
        "modelServers": [ask],
    }
    path.write_text(yaml.safe_dump(agent), "utf-8")
    with pytest.raises(ManifestError, match="name an endpoint by baseUrl"):
        load_agent(path)


def test_a_language_model_cannot_be_hurried(tmp_path: Path) -> None:
    path = without_keys(tmp_path, "http://unused.example/v1")
    result = CliRunner().invoke(app, [str(path), "--fast"])
    assert result.exit_code == 1
    assert "leave out --fast" in result.output


@pytest.mark.integration
def test_a_recorded_caller_talks_to_a_language_model() -> None:
    """Recordings in, real recogniser, wire protocol and voice: words out, in virtual time."""
    server, records = OpenAiServer(token_seconds=0.02), PrintingRecorder()

    async def main() -> None:
        async with server.serve():
            config = prompt_config(language_model("one", server.url))
            caller = tryout_call.recorded_caller(load_conversation())
            recording = await tryout_call.run_call(config, records, caller)
            assert recording.agent

    run_virtual(main())
    heard = [event for event in records.events if isinstance(event, TurnHeard) and event.text]
    spoken = [event for event in records.events if isinstance(event, ReplySpoken)]
    assert len(heard) >= 6
    assert spoken[0].text == "This is Ann of Smile Dental."
    assert len(server.questions) >= len(heard)
    answers = [reply for reply in spoken if reply.text.startswith("You said: ")]
    assert len(answers) >= 6
    assert all(reply.text.startswith(reply.heard) for reply in spoken)
    remembered = server.questions[-1].conversation
    cut = [reply for reply in spoken if reply.interrupted]
    assert cut, "the recorded caller interrupts once"
    told = [message["content"] for message in remembered if message["role"] == "assistant"]
    for reply in cut:
        assert any(reply.heard in text for text in told) or not reply.heard
        assert not any(reply.text in text for text in told)


@pytest.mark.integration
async def test_the_stand_in_answers_as_a_program() -> None:
    command = [sys.executable, "-m", "tests.support.openai_server", "--port", "0"]
    program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert program.stdout is not None
        url = (await program.stdout.readline()).decode().split()[-1]
        config = prompt_config(language_model("one", url))
        async with LanguageModels(Telemetry()) as models:
            due = asyncio.get_running_loop().time() + 10
            answer = await models.chain(config).ask([Message(Role.USER, "hello")], due)
            text = "".join([piece async for piece in answer])
            await answer.aclose()
        assert text == "You said: hello. What else can I do for you?"
    finally:
        program.terminate()
        await program.wait()
