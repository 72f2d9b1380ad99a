"""Writing the bundle: one folder in a compressed tar."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def write(path: Path, files: Mapping[str, str], *, folder: str, at: float) -> None:
    """Write the files; only the owner may read the result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # whoever could read an old one must not read this one
    path.touch(mode=0o600)
    with tarfile.open(path, "w:gz") as bundle:
        for name, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), int(at), 0o600
            bundle.addfile(entry, io.BytesIO(content))
