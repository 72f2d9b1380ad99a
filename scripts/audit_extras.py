"""Check what each part would install: an image must carry only what its part runs.

Reads `uv.lock` alone, so it is fast and needs no network: walks the dependencies of an extra and
fails when a package that does not belong there is among them.
"""

import sys
import tomllib
from pathlib import Path
from typing import Any

NEVER = {"torch", "torchaudio", "nvidia-cublas-cu12", "onnxruntime", "pytest", "mypy", "ruff"}
FORBIDDEN: dict[str, set[str]] = {
    "operator": NEVER | {"numpy", "kubernetes", "livekit", "pocketsphinx", "silero-vad", "soxr"},
    "agent": NEVER | {"kopf", "kubernetes", "click", "cryptography"},
    "api": NEVER | {"numpy", "kopf", "kubernetes", "livekit", "click"},
    "media": NEVER | {"aiohttp", "livekit", "kopf"},
    "loadtest": NEVER | {"kopf", "kubernetes", "livekit"},
    "local": NEVER | {"kopf", "pocketsphinx"},
    "cli": NEVER | {"numpy", "livekit", "kopf", "kubernetes"},
}
"""Extra -> packages that it must not pull in, directly or through others."""


def closure(packages: dict[str, dict[str, Any]], extra: str) -> set[str]:
    """Names of everything that `switchboard[extra]` installs on Linux."""
    seen: set[tuple[str, str]] = set()
    todo = [("switchboard", ""), ("switchboard", extra)]
    while todo:
        item = todo.pop()
        if item in seen:
            continue
        seen.add(item)
        name, wanted = item
        package = packages[name]
        found = (
            package.get("optional-dependencies", {}).get(wanted, [])
            if wanted
            else package.get("dependencies", [])
        )
        for dependency in found:
            if "'never'" in dependency.get("marker", "") or "win32'" in dependency.get(
                "marker", ""
            ):
                continue
            todo.append((dependency["name"], ""))
            todo += [(dependency["name"], sub) for sub in dependency.get("extra", [])]
    return {name for name, _ in seen} - {"switchboard"}


def main() -> int:
    """Print each package that does not belong; 1 if there is one."""
    lock = tomllib.loads(Path("uv.lock").read_text())
    packages = {package["name"]: package for package in lock["package"]}
    wrong = [
        f"extra {extra} pulls in {name}, which does not belong there"
        for extra, forbidden in FORBIDDEN.items()
        for name in sorted(closure(packages, extra) & forbidden)
    ]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
