"""buildah, with a store of its own: images on the machine that belong to others stay untouched."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.errors import BuildFailedError
from switchboard_local.images.fingerprint import IGNORED
from switchboard_local.settings import passed_on
from switchboard_local.tools.locate import locate

CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
"""What the machine trusts; a build that fetches packages has to trust the same."""

MOST_LAYERS = 150
"""A build leaves about a dozen layers; every dozen builds or so, they start anew."""

INSTALLER_OPTIONS = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_DEFAULT_TIMEOUT",
)
"""Settings of the user's pip that builds follow too, when they are set. They reach the build as
mounted files: a build argument would be written into the image."""


@dataclass(frozen=True, slots=True)
class Buildah:
    """One store of images and the command to work on it."""

    cache: Path

    def run(self, *arguments: str, log: Path | None = None) -> str:
        """Run buildah to its end; its output goes into `log`, or is returned."""
        command = [*self._global_options(), *arguments]
        done = subprocess.run(  # noqa: S603 - arguments are made by this package
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(done.stdout)
        if done.returncode != 0:
            last = " | ".join(done.stdout.strip().splitlines()[-4:])[-800:]
            raise BuildFailedError(f"buildah {arguments[0]} failed: {last}", log=log)
        return done.stdout

    def has(self, image: str) -> bool:
        """Tell whether the store has the image."""
        try:
            self.run("images", "--quiet", image)
        except BuildFailedError:
            return False
        return True

    def build(self, *, dockerfile: Path, context: Path, image: str, base: str, log: Path) -> None:
        """Build an image. Layers are kept, so a change of code does not fetch packages again."""
        self.run(
            *("bud", "--isolation", "chroot", "--layers", "--pull-never", "--network", "host"),
            *("--build-arg", f"BASE={base}", *self._mounts()),
            *("--ignorefile", str(self._ignore_file()), "--file", str(dockerfile)),
            *("--tag", image, str(context)),
            log=log,
        )

    def export(self, image: str, archive: Path) -> None:
        """Write the image to a file that containerd can import.

        Not packed: a packed one takes five times as long to write.
        """
        draft = archive.with_suffix(".part")
        draft.unlink(missing_ok=True)
        archive.parent.mkdir(parents=True, exist_ok=True)
        self.run("push", image, f"docker-archive:{draft}:{image}")
        draft.rename(archive)

    def forget_older(self, repository: str, *, keep: str) -> None:
        """Remove earlier images of a repository, and kept layers once there are very many."""
        listed = self.run("images", "--format", "{{.Name}}:{{.Tag}}").split()
        for image in listed:
            if image.startswith(f"{repository}:") and image != keep:
                self.run("rmi", image)
        if len(self.run("images", "--all", "--quiet").split()) > MOST_LAYERS:
            self.run("rmi", "--prune")

    def _global_options(self) -> Sequence[str]:
        store = self.cache / "buildah"
        return (
            str(locate("buildah", self.cache)),
            *("--root", str(store / "storage"), "--runroot", str(store / "run")),
            *("--storage-driver", "overlay"),
        )

    def _mounts(self) -> list[str]:
        """Return what the build sees of this machine; none of it becomes part of the image."""
        options = passed_on(INSTALLER_OPTIONS)
        trusts = CA_BUNDLE.exists()
        mounts = [
            (self._write("pip.conf", pip_configuration(options, trusts=trusts)), "/etc/pip.conf"),
            (self._write("uv.toml", uv_configuration(options)), "/etc/uv/uv.toml"),
        ]
        if trusts:
            mounts.append((CA_BUNDLE, str(CA_BUNDLE)))
        return [f"--volume={source}:{target}:ro" for source, target in mounts]

    def _ignore_file(self) -> Path:
        return self._write("ignore", "".join(f"**/{pattern}\n" for pattern in IGNORED))

    def _write(self, name: str, content: str) -> Path:
        path = self.cache / "buildah" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path


def pip_configuration(options: dict[str, str], *, trusts: bool) -> str:
    """Return a pip.conf with the options the user's own pip has."""
    lines = ["[global]", "disable-pip-version-check = true", "root-user-action = ignore"]
    lines += [
        f"{name.removeprefix('PIP_').lower().replace('_', '-')} = {value}"
        for name, value in options.items()
    ]
    if trusts:
        lines.append(f"cert = {CA_BUNDLE}")
    return "\n".join(lines) + "\n"


def uv_configuration(options: dict[str, str]) -> str:
    """Return a uv.toml that asks the same index, and trusts what the machine trusts."""
    lines = ["system-certs = true"]
    if index := options.get("PIP_INDEX_URL"):
        lines.append(f'index-url = "{index}"')
    return "\n".join(lines) + "\n"
