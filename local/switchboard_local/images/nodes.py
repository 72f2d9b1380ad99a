"""Brings images into the nodes: each has a containerd, and its store outlives the bundle."""

from collections.abc import Iterable

from switchboard_local.bundle.containers import KUBERNETES
from switchboard_local.bundle.inside import run_inside
from switchboard_local.bundle.mounts import RUN
from switchboard_local.errors import BundleError
from switchboard_local.images.build import BuiltImage
from switchboard_local.state import SystemState

IMPORT_SECONDS = 180.0


def import_images(state: SystemState, images: Iterable[BuiltImage]) -> int:
    """Import what a node lacks, into each node; return how many imports it took."""
    wanted = list(images)
    imports = 0
    for node in state.nodes:
        socket = RUN / node / "containerd.sock"
        present = _ctr(state, str(socket), "images", "list", "--quiet").split()
        for image in wanted:
            if image.name not in present:
                _ctr(state, str(socket), "images", "import", str(image.archive))
                imports += 1
        if outdated := outdated_images(present, [image.name for image in wanted]):
            _ctr(state, str(socket), "images", "delete", *outdated)
    return imports


def outdated_images(present: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the images that a wanted one of the same repository has replaced."""
    names = set(wanted)
    repositories = {name.rpartition(":")[0] for name in names}
    return [
        image
        for image in present
        if image not in names and image.rpartition(":")[0] in repositories
    ]


def _ctr(state: SystemState, socket: str, *arguments: str) -> str:
    command = ["ctr", "--address", socket, *KUBERNETES, *arguments]
    done = run_inside(state, command, timeout_seconds=IMPORT_SECONDS)
    if done.returncode != 0:
        raise BundleError(f"ctr {' '.join(arguments)} failed: {done.stderr.strip()[-400:]}")
    return done.stdout
