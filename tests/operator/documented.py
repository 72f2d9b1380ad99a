"""The flags that pinned versions document, written down by `scripts/documented_flags.py`."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "documented_flags"


def documented(program: str, version: str) -> frozenset[str]:
    """Return the documented flags of a version; missing for one that nobody went through."""
    path = _FOLDER / f"{program}-{version}.txt"
    assert path.exists(), f"no flags of {program} {version}: see scripts/documented_flags.py"
    return frozenset(path.read_text(encoding="utf-8").splitlines())
