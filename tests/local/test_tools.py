"""The programs of the local system: pinned, found, built once."""

import re
import shutil
from pathlib import Path

import pytest

from switchboard_local.errors import BuildFailedError, ToolMissingError
from switchboard_local.settings import LocalSettings
from switchboard_local.tools import __main__ as tools
from switchboard_local.tools import build, catalogue, debian
from switchboard_local.tools.catalogue import GO_TOOLS, GoTool
from switchboard_local.tools.locate import find_livekit_sip, locate

TINY = GoTool(name="pause", module="pause", package=".")


def test_every_program_has_its_version_from_a_go_mod() -> None:
    versions = {tool.name: tool.version() for tool in GO_TOOLS}
    assert versions["livekit-server"] == "1.13.5"
    assert versions["kube-apiserver"] == versions["kubelet"] == "1.34.4"
    assert versions["helm"] == "4.3.1"


def test_every_module_has_its_checksums() -> None:
    for directory in {tool.directory for tool in GO_TOOLS if tool.pinned_by}:
        assert (directory / "go.sum").stat().st_size > 0


def test_staging_modules_have_the_version_of_kubernetes() -> None:
    text = (catalogue.MODULES / "kubernetes" / "go.mod").read_text()
    replaced = re.findall(r"^\s+(k8s\.io/\S+) => (\S+) (\S+)$", text, re.MULTILINE)
    assert len(replaced) > 30
    assert all(old == new and version == "v0.34.4" for old, new, version in replaced)


def test_kubernetes_programs_are_stamped_with_their_version() -> None:
    tool = next(tool for tool in GO_TOOLS if tool.name == "kubelet")
    assert "-X k8s.io/component-base/version.gitVersion=v1.34.4" in build.linker_flags(tool)


def test_a_program_that_is_not_built_names_the_command_that_builds_it(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match=r"switchboard_local\.tools build"):
        locate("kube-apiserver", tmp_path)


def test_a_missing_package_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "find_debian", lambda _: None)
    missing = debian.missing_packages(as_root=True)
    assert len(missing) == len(set(missing))
    assert {"etcd-server", "containerd", "buildah", "redis-server"} <= set(missing)


def test_without_root_only_what_any_user_can_run_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(debian, "find_debian", lambda _: None)
    missing = debian.missing_packages(as_root=False)
    assert "etcd-server" in missing
    assert not {"containerd", "buildah", "iproute2"} & set(missing)


def settings_with(tmp_path: Path, **environ: str) -> LocalSettings:
    return LocalSettings.from_environment({"HOME": str(tmp_path), **environ})


def test_the_real_sip_bridge_is_taken_from_the_settings_before_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("path", "named"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "livekit-sip").write_text("#!/bin/sh\n")
        (tmp_path / folder / "livekit-sip").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_livekit_sip(settings_with(tmp_path)) == tmp_path / "path" / "livekit-sip"
    named = tmp_path / "named" / "livekit-sip"
    found = find_livekit_sip(settings_with(tmp_path, SWITCHBOARD_LIVEKIT_SIP=str(named)))
    assert found == named


def test_without_the_real_sip_bridge_none_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_livekit_sip(settings_with(tmp_path)) is None


def test_a_sip_bridge_that_is_named_but_not_there_is_an_error_with_its_remedy(
    tmp_path: Path,
) -> None:
    with pytest.raises(ToolMissingError, match="unset it to use the SIP edge"):
        find_livekit_sip(settings_with(tmp_path, SWITCHBOARD_LIVEKIT_SIP="/nowhere/livekit-sip"))


def test_settings_reach_another_process_by_its_environment(tmp_path: Path) -> None:
    for value, silent in (("1", True), ("0", False), ("", False)):
        settings = settings_with(tmp_path, SWITCHBOARD_SIP_DROP_UNROUTED=value)
        assert settings.drop_unrouted is silent
        passed = settings_with(tmp_path, **settings.as_environment())
        assert passed.drop_unrouted is silent


def test_programs_of_nodes_are_not_built_for_a_user_without_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    monkeypatch.setenv("SWITCHBOARD_CACHE", str(tmp_path))
    monkeypatch.setattr(
        tools, "build_missing", lambda _cache, _say, chosen: built.extend(t.name for t in chosen)
    )
    assert tools.main(["build", "--no-root"]) == 0
    assert {"kube-apiserver", "kubectl", "livekit-server"} <= set(built)
    assert not {"kubelet", "kube-proxy", "coredns", "pause"} & set(built)


def test_callers_alone_need_no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "find_debian", lambda _: None)
    assert debian.missing_packages(as_root=True, only_calls=True) == ["sip-tester", "flite"]


def test_a_browser_is_for_tests_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "find_debian", lambda _: None)
    assert "chromium-headless-shell" not in debian.missing_packages(as_root=True)
    assert "chromium-headless-shell" in debian.missing_packages(as_root=False, with_tests=True)


@pytest.mark.integration
def test_a_second_build_has_nothing_to_do(tmp_path: Path) -> None:
    said: list[str] = []
    build.build_missing(tmp_path, said.append, [TINY])
    built = TINY.path(tmp_path)
    first = built.stat().st_mtime_ns
    build.build_missing(tmp_path, said.append, [TINY])
    assert said[-1] == "all programs are built"
    assert built.stat().st_mtime_ns == first
    assert locate("pause", tmp_path) == built


@pytest.mark.integration
def test_what_an_interrupted_build_left_is_no_obstacle(tmp_path: Path) -> None:
    workshop = tmp_path / "bin" / ".building-pause-1"
    workshop.mkdir(parents=True)
    (workshop / "pause").write_text("half")
    build.build_missing(tmp_path, lambda _: None, [TINY])
    assert TINY.path(tmp_path).stat().st_size > 1000
    assert not workshop.exists()


@pytest.mark.integration
def test_a_build_that_fails_shows_why_and_leaves_nothing_that_looks_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "MODULES", tmp_path / "modules")
    source = tmp_path / "modules" / "pause"
    source.mkdir(parents=True)
    (source / "go.mod").write_text("module broken\n\ngo 1.26.0\n")
    (source / "main.go").write_text("package main\n\nfunc main() { tea() }\n")
    cache = tmp_path / "cache"
    with pytest.raises(BuildFailedError, match="undefined: tea") as caught:
        build.build_missing(cache, lambda _: None, [TINY])
    assert caught.value.log is not None
    assert caught.value.log.exists()
    assert not TINY.path(cache).exists()


def test_without_go_the_error_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(ToolMissingError, match=r"go\.dev/dl"):
        build.require_go()
