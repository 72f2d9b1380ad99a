"""The hash of what an image is made of: its Dockerfile and every file that it copies."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from switchboard_local.errors import BuildFailedError

IGNORED = ("__pycache__", "*.pyc", ".venv", ".git", "out", "*.egg-info")
"""Never part of an image: for the hash as for the build."""

DIGITS = 12
"""Of a hash in a name: enough for one machine's builds."""


def fingerprint(dockerfile: Path, context: Path, *, base: str) -> str:
    """Return the hash of everything that goes into the image."""
    text = dockerfile.read_text()
    digest = hashlib.sha256(f"{base}\n{text}".encode())
    for path in source_files(copied_sources(text), context):
        digest.update(f"{path.relative_to(context)} {path.stat().st_mode & 0o111:o}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:DIGITS]


def copied_sources(dockerfile: str) -> list[str]:
    """Return what the Dockerfile copies from its context, in the order of its text."""
    sources: list[str] = []
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = line.split()
        if not words or words[0].upper() not in {"COPY", "ADD"}:
            continue
        if any(word.startswith("--from=") for word in words):
            continue
        sources += [word for word in words[1:-1] if not word.startswith("--")]
    return sources


def source_files(sources: Iterable[str], context: Path) -> list[Path]:
    """Return every file below the sources that is not ignored, sorted."""
    files: set[Path] = set()
    for source in sources:
        found = [context / source] if (context / source).exists() else sorted(context.glob(source))
        if not found:
            raise BuildFailedError(f"the Dockerfile copies {source}, which is not in {context}")
        for path in found:
            below = path.rglob("*") if path.is_dir() else [path]
            files |= {file for file in below if file.is_file() and not _ignored(file, context)}
    return sorted(files)


def _ignored(path: Path, context: Path) -> bool:
    parts = path.relative_to(context).parts
    return any(Path(part).match(pattern) for part in parts for pattern in IGNORED)
