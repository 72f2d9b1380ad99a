"""Where worker processes tell their metrics: a file that the runner keeps up to date.

A pod has an address that the API server knows. A worker process has a port that only its starter
knows, and a load test wants to ask it how late its frames were.
"""

import json
from collections.abc import Sequence
from pathlib import Path


def pages_file(out: Path) -> Path:
    """Return the file of the system that writes there; it is gone when a new one starts."""
    return out / "run" / "worker-pages.json"


def write_pages(path: Path, pages: Sequence[str]) -> None:
    """Write the file in one step, where it says something else."""
    text = json.dumps(sorted(pages))
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.rename(path)


def read_pages(path: Path) -> list[str]:
    """Read the file; empty where there is none yet."""
    try:
        return [str(page) for page in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
