"""The CRDs in manifests and chart are those of the models: `make generate` writes them anew."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_generated_files_are_current() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "generate_crds.py"))
    assert generator["stale"]() == []
    assert generator["stale"](ROOT / "nowhere"), "the comparison itself works"
