"""Names of images follow their content."""

from pathlib import Path

import pytest

from switchboard_local.errors import BuildFailedError
from switchboard_local.images.buildah import pip_configuration, uv_configuration
from switchboard_local.images.fingerprint import copied_sources, fingerprint
from switchboard_local.images.nodes import outdated_images

DOCKERFILE = """\
ARG BASE=x
FROM ${BASE} AS build
COPY pyproject.toml uv.lock ./
COPY --chown=1:1 agent \\
     /src/agent
FROM ${BASE}
COPY --from=build /opt /opt
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "agent").mkdir()
    for name in ("pyproject.toml", "uv.lock", "agent/main.py", "README.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return tmp_path


def _hash(checkout: Path, base: str = "base:1") -> str:
    return fingerprint(checkout / "Dockerfile", checkout, base=base)


def test_sources_are_those_of_the_context_and_not_of_other_stages() -> None:
    assert copied_sources(DOCKERFILE) == ["pyproject.toml", "uv.lock", "agent"]


def test_an_unchanged_tree_keeps_its_name(checkout: Path) -> None:
    assert _hash(checkout) == _hash(checkout)


def test_a_copied_file_changes_the_name(checkout: Path) -> None:
    before = _hash(checkout)
    (checkout / "agent" / "main.py").write_text("other")
    assert _hash(checkout) != before


def test_a_new_base_changes_the_name(checkout: Path) -> None:
    assert _hash(checkout, "base:1") != _hash(checkout, "base:2")


def test_files_that_are_not_copied_or_made_by_python_do_not_matter(checkout: Path) -> None:
    before = _hash(checkout)
    (checkout / "README.md").write_text("other")
    (checkout / "agent" / "__pycache__").mkdir()
    (checkout / "agent" / "__pycache__" / "main.pyc").write_text("x")
    assert _hash(checkout) == before


def test_a_source_that_is_missing_is_named(checkout: Path) -> None:
    (checkout / "uv.lock").unlink()
    with pytest.raises(BuildFailedError, match=r"uv\.lock"):
        _hash(checkout)


def test_an_older_image_of_the_same_part_is_outdated_and_others_are_not() -> None:
    present = ["localhost/a:1", "localhost/a:2", "localhost/other:1"]
    assert outdated_images(present, ["localhost/a:2"]) == ["localhost/a:1"]


def test_builds_ask_the_users_own_index() -> None:
    options = {"PIP_INDEX_URL": "https://pypi.example/simple"}
    assert "index-url = https://pypi.example/simple" in pip_configuration(options, trusts=False)
    assert 'index-url = "https://pypi.example/simple"' in uv_configuration(options)
