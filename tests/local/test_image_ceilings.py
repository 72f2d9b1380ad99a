"""What Switchboard's images weigh, and as whom they run: read from the built images themselves."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from switchboard_local.images.build import build_images
from switchboard_local.settings import LocalSettings

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

CEILINGS_MB = {"operator": 250, "agent": 600}
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image as a node has it."""

    files: dict[str, int]
    """Path -> bytes."""
    config: dict[str, Any]

    @property
    def megabytes(self) -> float:
        return sum(self.files.values()) / 1e6


def unpacked(archive: Path) -> Unpacked:
    """Lay the layers of an image over each other, without writing a file."""
    with tarfile.open(archive) as outer:
        (manifest,) = json.load(member(outer, "manifest.json"))
        config = json.load(member(outer, manifest["Config"]))
        files: dict[str, int] = {}
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=member(outer, layer)) as inner:
                for name, size in changes(inner):
                    apply(files, name, size)
    return Unpacked(files, config["config"])


def member(archive: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - a file of the archive
    found = archive.extractfile(name)
    assert found is not None, name
    return found


def changes(layer: tarfile.TarFile) -> Iterator[tuple[str, int]]:
    for entry in layer:
        if entry.isfile() or PurePosixPath(entry.name).name.startswith(WHITEOUT):
            yield entry.name.removeprefix("./"), entry.size


def apply(files: dict[str, int], name: str, size: int) -> None:
    path = PurePosixPath(name)
    if path.name == OPAQUE or path.name.startswith(WHITEOUT):
        gone = str(
            path.parent if path.name == OPAQUE else path.with_name(path.name[len(WHITEOUT) :])
        )
        for other in [one for one in files if one == gone or one.startswith(f"{gone}/")]:
            del files[other]
    else:
        files[name] = size


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Unpacked]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWITCHBOARD_OUT", str(tmp_path_factory.mktemp("images") / "out"))
        built = build_images(LocalSettings.from_environment(), print)
    return {part: unpacked(built[part].archive) for part in CEILINGS_MB}


@pytest.mark.parametrize("part", CEILINGS_MB)
def test_an_image_stays_below_its_ceiling(images: dict[str, Unpacked], part: str) -> None:
    print(f"{part}: {images[part].megabytes:.0f} MB")  # noqa: T201  shown where the test fails
    assert len(images[part].files) > 1000
    assert images[part].megabytes < CEILINGS_MB[part]


@pytest.mark.parametrize("part", CEILINGS_MB)
def test_an_image_runs_as_a_user_without_rights(images: dict[str, Unpacked], part: str) -> None:
    assert images[part].config["User"] == "65532:65532"
