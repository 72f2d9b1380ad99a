"""Which cluster a command goes to: the rules of kubectl, with a remedy where there is none."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from switchboard_cli.cluster.kubeconfig import AccessError, find_target


def _config(**user: Any) -> dict[str, Any]:  # noqa: ANN401  any field of a user
    return {
        "current-context": "work",
        "contexts": [
            {"name": "work", "context": {"cluster": "c", "user": "me", "namespace": "clinic"}},
            {"name": "home", "context": {"cluster": "d", "user": "me"}},
        ],
        "clusters": [
            {"name": "c", "cluster": {"server": "https://c:6443", "certificate-authority": "ca"}},
            {"name": "d", "cluster": {"server": "https://d:6443"}},
        ],
        "users": [{"name": "me", "user": user or {"token": "t"}}],
    }


def _write(path: Path, config: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump(config), "utf-8")
    return str(path)


def test_the_current_context_gives_server_namespace_and_credentials(tmp_path: Path) -> None:
    target = find_target(_write(tmp_path / "config", _config()), None, {})
    assert (target.server, target.namespace) == ("https://c:6443", "clinic")
    info = target.login()
    assert info.as_http_headers() == {"Authorization": "Bearer t"}
    assert info.ca_path == str(tmp_path / "ca")


def test_another_context_can_be_chosen(tmp_path: Path) -> None:
    target = find_target(_write(tmp_path / "config", _config()), "home", {})
    assert (target.server, target.namespace) == ("https://d:6443", "default")


def test_of_several_files_the_first_that_says_something_wins(tmp_path: Path) -> None:
    first = _config()
    first["current-context"] = "home"
    paths = [_write(tmp_path / "a", first), _write(tmp_path / "b", _config())]
    target = find_target(None, None, {"KUBECONFIG": ":".join([*paths, str(tmp_path / "none")])})
    assert target.context == "home"


def test_the_file_of_the_home_directory_is_the_last_resort(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    _write(tmp_path / ".kube" / "config", _config())
    assert find_target(None, None, {"HOME": str(tmp_path)}).context == "work"


def test_a_credential_plugin_is_asked_for_a_token(tmp_path: Path) -> None:
    program = tmp_path / "login"
    program.write_text('#!/bin/sh\necho "{\\"status\\": {\\"token\\": \\"$WHO $1\\"}}"\n')
    program.chmod(0o700)
    plugin = {"command": "./login", "args": ["x"], "env": [{"name": "WHO", "value": "me"}]}
    target = find_target(_write(tmp_path / "config", _config(exec=plugin)), None, {})
    assert target.login().as_http_headers() == {"Authorization": "Bearer me x"}


def test_a_token_file_is_read_each_time(tmp_path: Path) -> None:
    target = find_target(_write(tmp_path / "config", _config(tokenFile="token")), None, {})
    for token in ("one", "two"):
        (tmp_path / "token").write_text(f"{token}\n")
        assert target.login().as_http_headers() == {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("plugin", "remedy"),
    [
        ({"command": "no-such-plugin", "installHint": "get it at example.com"}, "get it at"),
        ({"command": "sh", "args": ["-c", "echo expired >&2; exit 1"]}, "failed: expired"),
        ({"command": "echo", "args": ["{}"]}, "gave no ExecCredential"),
    ],
)
def test_a_plugin_that_gives_nothing_says_why(
    tmp_path: Path, plugin: dict[str, Any], remedy: str
) -> None:
    target = find_target(_write(tmp_path / "config", _config(exec=plugin)), None, {})
    with pytest.raises(AccessError, match=remedy):
        target.login()


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    path = _write(tmp_path / "config", _config())
    with pytest.raises(AccessError, match="give --kubeconfig or set KUBECONFIG"):
        find_target(None, None, home)
    with pytest.raises(AccessError, match="names no file that exists"):
        find_target(None, None, {"KUBECONFIG": str(tmp_path / "none")})
    with pytest.raises(AccessError, match="no context mars; known: home, work"):
        find_target(path, "mars", home)
    with pytest.raises(AccessError, match="no current-context"):
        find_target(_write(tmp_path / "empty", {}), None, home)
    with pytest.raises(AccessError, match="is no kubeconfig"):
        find_target(_write(tmp_path / "list", {"contexts": ["x"]}), None, home)
    with pytest.raises(AccessError, match="cannot be read"):
        find_target(str(tmp_path / "none"), None, home)
