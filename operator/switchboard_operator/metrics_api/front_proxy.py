"""Who may ask: the API server's front proxy, known by its client certificate. Pure.

The API server publishes the CA of that certificate, the names it may carry and the header in which
it names the user, in the ConfigMap `kube-system/extension-apiserver-authentication`; every
aggregated API reads it there. TLS has checked the signature before anything here is asked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAMESPACE = "kube-system"
CONFIG_MAP_NAME = "extension-apiserver-authentication"

UNAUTHORIZED = 401
FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """How the front proxy is recognised."""

    ca: str
    """PEM of the CAs of its client certificate."""
    allowed_names: frozenset[str]
    """Common names it may carry; empty means any."""
    username_headers: tuple[str, ...]

    def refusal(self, peer: Mapping[str, Any] | None, headers: Mapping[str, str]) -> int:
        """Return 0 for the front proxy, or else the HTTP status of the refusal.

        `peer` is the verified client certificate as `ssl` gives it; None without one.
        """
        if not peer:
            return UNAUTHORIZED
        if self.allowed_names and _common_name(peer) not in self.allowed_names:
            return FORBIDDEN
        if not any(headers.get(header) for header in self.username_headers):
            return UNAUTHORIZED
        return 0


def read(data: Mapping[str, str]) -> FrontProxy | None:
    """Return what the ConfigMap says; None if the cluster has no front proxy."""
    ca = data.get("requestheader-client-ca-file", "").strip()
    if not ca:
        return None
    return FrontProxy(
        ca,
        frozenset(_names(data, "requestheader-allowed-names")),
        tuple(_names(data, "requestheader-username-headers") or ["X-Remote-User"]),
    )


def _names(data: Mapping[str, str], key: str) -> list[str]:
    found = json.loads(data.get(key) or "[]")
    return [str(name) for name in found] if isinstance(found, list) else []


def _common_name(peer: Mapping[str, Any]) -> str:
    pairs = [pair for rdn in peer.get("subject", ()) for pair in rdn]
    return next((value for key, value in pairs if key == "commonName"), "")
