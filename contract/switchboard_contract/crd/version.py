"""The number of the CRDs' schema, and what each released number stood for.

An operator that meets a CRD with a lower number than its own does not write: the API server would
drop the fields it does not know without a word.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SCHEMA_VERSION = 2
"""Raised with the first change of a schema after a release."""

RELEASED: Mapping[int, Mapping[str, str]] = {
    1: {"tenants": "f9f428d161fbfb38", "voiceagents": "c3853bcb0123ef7f"},
}
"""Hash of each CRD's spec by released number: a changed schema must not bear a released number."""


def spec_hash(crd: Mapping[str, Any]) -> str:
    """Return a short hash of what a CRD makes the API server do."""
    text = json.dumps(crd["spec"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
