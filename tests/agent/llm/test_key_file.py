"""A token that is rotated is taken up by the next question."""

import os
from pathlib import Path

import pytest

from switchboard_agent.llm.base import Failure, LanguageModelError
from switchboard_agent.llm.key_file import KeyFile
from tests.agent.llm.rig import Worker, language_model, play, prompt_config
from tests.agent.llm.test_prompted_calls import says_one_thing
from tests.support.openai_server import OpenAiServer


def mount(folder: Path, version: str, key: str, token: str) -> None:
    """Do as the kubelet does: a folder for each version, a link that is replaced."""
    (folder / version).mkdir()
    (folder / version / key).write_text(token)
    (folder / "new").symlink_to(version)
    (folder / "new").rename(folder / "..data")
    if not (folder / key).exists():
        (folder / key).symlink_to(f"..data/{key}")


def test_a_secret_replaced_as_kubernetes_does_is_read_again(tmp_path: Path) -> None:
    mount(tmp_path, "..1", "token", "first\n")
    key = KeyFile(tmp_path / "token")
    assert key.token() == "first"
    mount(tmp_path, "..2", "token", "second\n")
    assert key.token() == "second"


def test_an_unchanged_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount(tmp_path, "..1", "token", "first")
    key = KeyFile(tmp_path / "token")
    key.token()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("read again"))
    assert key.token() == "first"


@pytest.mark.parametrize("content", [b"", b" \n", b"a\nb", b"x" * 20_000, b"\xff\xfe"])
def test_what_is_no_token_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(LanguageModelError, match="unauthorized: the key file") as caught:
        KeyFile(path).token()
    assert caught.value.failure is Failure.UNAUTHORIZED
    assert "xxx" not in str(caught.value)


def test_a_missing_file_is_no_surprise(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match="cannot be read"):
        KeyFile(tmp_path / "token").token()


def test_the_token_goes_to_the_model_and_is_rotated_between_calls(tmp_path: Path) -> None:
    server = OpenAiServer(key="first")
    path = tmp_path / "token"
    path.write_text("first")

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url, apiKeyFile=str(path)))
        before = await worker.call(config, ["are you open"], says_one_thing)
        server.key = "second"
        (tmp_path / "next").write_text("second")
        os.replace(tmp_path / "next", path)  # noqa: PTH105  the call that does it in one step
        after = await worker.call(config, ["are you open"], says_one_thing)
        for served in (before, after):
            assert served.replies[1].text.startswith("You said: are you open.")

    play([server], scene)
    assert [q.authorization for q in server.questions] == ["Bearer first", "Bearer second"]
