"""Write the CRDs of `switchboard_contract.crd.definitions` as YAML: manifests and chart.

A test says when they are stale.
The chart's copies carry `helm.sh/resource-policy: keep`: uninstalling a chart must not delete every
VoiceAgent of the cluster.
"""

import copy
from pathlib import Path
from typing import Any

import yaml

from switchboard_contract.crd.definitions import crds

ROOT = Path(__file__).resolve().parent.parent
_HEADER = "# Generated from contract/switchboard_contract/crd by scripts/generate_crds.py.\n"


def _dump(crd: dict[str, Any]) -> str:
    return _HEADER + yaml.safe_dump(crd, sort_keys=False, width=100, allow_unicode=True)


def _kept(crd: dict[str, Any]) -> dict[str, Any]:
    kept = copy.deepcopy(crd)
    kept["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep"
    return kept


def files(root: Path = ROOT) -> dict[Path, str]:
    """Return every generated file with its content."""
    out: dict[Path, str] = {}
    for name, crd in crds().items():
        out[root / "manifests" / "crds" / name] = _dump(crd)
        out[root / "charts" / "switchboard-crds" / "templates" / name] = _dump(_kept(crd))
    return out


def stale(root: Path = ROOT) -> list[Path]:
    """Return the files that are missing or differ from what the models say."""
    return [
        path
        for path, text in files(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
