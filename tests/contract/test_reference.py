"""The reference pages are those of the contract: `make generate` writes them anew."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_generated_pages_are_current() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "generate_reference.py"))
    assert generator["stale"]() == []
    assert generator["stale"](ROOT / "nowhere"), "the comparison itself works"


def test_the_pages_say_what_a_reader_looks_for() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "generate_reference.py"))
    pages = {path.stem: text for path, text in generator["files"]().items()}
    assert "| `NumberTaken` | `Accepted` | trouble |" in pages["conditions"]
    assert "`switchboard_queue_depth`" in pages["metrics"]
    assert "| `spec.limits.maxCallSeconds` | integer |" in pages["resources"]
    assert "| `status.observedGeneration` |" in pages["resources"]
