"""The base image: Debian with Python, the local stand-in for python:3.11-slim-bookworm.

Made from Debian's own packages, since no registry is asked for anything. It has `python3`, its
venv module and the certificate authorities; documentation, translations and Perl's library are
left out.
"""

import hashlib
from pathlib import Path

from switchboard_local.command import run_command
from switchboard_local.images.buildah import Buildah
from switchboard_local.tools.locate import locate

SUITE = "bookworm"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
LEFT_OUT = (
    *("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"),
    *("/usr/share/lintian/*", "/usr/share/bash-completion/*"),
)
REMOVED = (
    *("usr/share/perl", "usr/lib/*-linux-gnu/perl", "usr/lib/*-linux-gnu/libperl.so*"),
    *("usr/lib/*-linux-gnu/gconv", "var/cache/*", "var/lib/apt/lists/*", "var/log/*"),
)
"""Files that packages bring and no image here runs."""

BUILD_SECONDS = 900.0


def base_image(buildah: Buildah, cache: Path) -> str:
    """Return the name of the base image; build it where it is missing, about a minute."""
    image = f"localhost/switchboard-base:{_version()}"
    if buildah.has(image):
        return image
    archive = cache / "images" / f"base-{_version()}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        draft = archive.with_suffix(".part.tar")
        run_command(_mmdebstrap(cache, draft), timeout_seconds=BUILD_SECONDS)
        draft.rename(archive)
    container = buildah.run("from", "scratch").strip()
    buildah.run("add", container, str(archive), "/")
    buildah.run("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", container)
    buildah.run("commit", "--rm", container, image)
    archive.unlink()
    return image


def _mmdebstrap(cache: Path, archive: Path) -> list[str]:
    removal = " ".join(f'"$1"/{pattern}' for pattern in REMOVED)
    return [
        *("nice", str(locate("mmdebstrap", cache)), "--mode=root", "--variant=minbase"),
        f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        f"--customize-hook=rm -rf {removal}",
        *(SUITE, str(archive)),
    ]


def _version() -> str:
    recipe = repr((SUITE, PACKAGES, LEFT_OUT, REMOVED))
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]
