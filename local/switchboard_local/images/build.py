"""Images of Switchboard's own parts, from the Dockerfiles that a registry build would use too."""

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from switchboard_local.images.base import base_image
from switchboard_local.images.buildah import Buildah
from switchboard_local.images.fingerprint import fingerprint
from switchboard_local.parts.containerd import PAUSE_IMAGE
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import locate

Say = Callable[[str], None]
Result = TypeVar("Result")

DOCKERFILES = {"operator": "operator/Dockerfile", "agent": "agent/Dockerfile"}
"""Image -> Dockerfile, both built with the root of the checkout as context."""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image ready to be imported."""

    name: str
    """With its tag."""
    archive: Path


def build_images(
    settings: LocalSettings, say: Say, *, only_pause: bool = False
) -> dict[str, BuiltImage]:
    """Build what changed, and return every image by the name of its part.

    `only_pause` leaves Switchboard's own parts out: what any pod needs, no more.
    """
    buildah = Buildah(settings.cache)
    with _lock(settings.cache):
        images = {"pause": _pause(buildah, settings)}
        if only_pause:
            return images
        base = _timed(say, "base image", lambda: base_image(buildah, settings.cache))
        for part, file in DOCKERFILES.items():
            images[part] = _image(buildah, settings, part, Path(file), base, say=say)
    return images


def build_image(
    settings: LocalSettings, part: str, dockerfile: Path, base: BuiltImage, say: Say
) -> BuiltImage:
    """Build one more image from a Dockerfile of the checkout, on top of one that was built."""
    buildah = Buildah(settings.cache)
    with _lock(settings.cache):
        if not buildah.has(base.name):  # another checkout's build has taken its place
            buildah.run("pull", f"docker-archive:{base.archive}")
        return _image(buildah, settings, part, dockerfile, base.name, say=say)


def _image(
    buildah: Buildah, settings: LocalSettings, part: str, file: Path, base: str, *, say: Say
) -> BuiltImage:
    dockerfile = settings.checkout / file
    tag = fingerprint(dockerfile, settings.checkout, base=base)
    image = f"localhost/switchboard-{part}:{tag}"
    archive = settings.cache / "images" / f"{part}-{tag}.tar"
    if not archive.exists():
        _timed(
            say,
            f"{part} image",
            lambda: buildah.build(
                dockerfile=dockerfile,
                context=settings.checkout,
                image=image,
                base=base,
                log=settings.out / f"build-{part}.log",
            ),
        )
        buildah.export(image, archive)
        _forget_older(archive, part)
        buildah.forget_older(f"localhost/switchboard-{part}", keep=image)
    return BuiltImage(image, archive)


def _pause(buildah: Buildah, settings: LocalSettings) -> BuiltImage:
    archive = settings.cache / "images" / "pause-1.tar"
    if not archive.exists():
        container = buildah.run("from", "scratch").strip()
        buildah.run("copy", container, str(locate("pause", settings.cache)), "/pause")
        buildah.run("config", "--entrypoint", '["/pause"]', "--user", "65535:65535", container)
        buildah.run("commit", "--rm", container, PAUSE_IMAGE)
        buildah.export(PAUSE_IMAGE, archive)
    return BuiltImage(PAUSE_IMAGE, archive)


KEPT_ARCHIVES = 4
"""Of each part: several checkouts share the cache."""


def _forget_older(newest: Path, part: str) -> None:
    archives = sorted(newest.parent.glob(f"{part}-*.tar"), key=lambda path: path.stat().st_mtime)
    for old in archives[:-KEPT_ARCHIVES]:
        old.unlink(missing_ok=True)


def _timed(say: Say, what: str, work: Callable[[], Result]) -> Result:
    began = time.monotonic()
    result = work()
    if (seconds := time.monotonic() - began) > 1:
        say(f"  {what}: {seconds:.0f} s")
    return result


@contextlib.contextmanager
def _lock(cache: Path) -> Iterator[None]:
    path = cache / "locks" / "images"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
