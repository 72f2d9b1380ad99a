"""kubeconfig files: how a client reaches the API server and who it is."""

import base64
from pathlib import Path
from typing import Any

import yaml

from switchboard_local.pki import KeyPair


def kubeconfig(
    *, url: str, ca: Path, token: str | None = None, client: KeyPair | None = None
) -> dict[str, Any]:
    """Return a kubeconfig that stands alone: certificates are inside, not referred to."""
    user: dict[str, str] = {}
    if token is not None:
        user["token"] = token
    if client is not None:
        user["client-certificate-data"] = _encoded(client.cert)
        user["client-key-data"] = _encoded(client.key)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "switchboard-local",
                "cluster": {"server": url, "certificate-authority-data": _encoded(ca)},
            }
        ],
        "users": [{"name": "switchboard-local", "user": user}],
        "contexts": [
            {
                "name": "switchboard-local",
                "context": {"cluster": "switchboard-local", "user": "switchboard-local"},
            }
        ],
        "current-context": "switchboard-local",
    }


def write_kubeconfig(path: Path, content: dict[str, Any]) -> Path:
    """Write a kubeconfig that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
