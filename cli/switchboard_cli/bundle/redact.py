"""Taking out of objects and logs what must not leave the cluster; pure.

Three nets, one behind the other: what is known to be secret by its place (a Secret's data, an
environment variable named like a credential), what looks like a credential wherever it stands, and
the very values of the Secrets involved. Callers' numbers go as well; the numbers of the VoiceAgents
and the texts of their dialogs stay: they are the business's own.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

from switchboard_operator.kube.objects import Object

HIDDEN = "<hidden>"
NUMBER = "<number>"
ROOM = "<room>"

_SHORTEST = 6
"""Secret values below this are not searched for: they would take half of the words along."""
_SHORTEST_LINE = 12
_OPEN_KEYS = frozenset({"username", "user"})
_SECRET_NAME = re.compile(
    r"pass|secret|token|credential|authoriz|api_?key|private|redis_url|dsn", re.IGNORECASE
)
_DROPPED_ANNOTATIONS = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
_OWN_TEXTS = frozenset({"spec", "data"})
"""Top-level fields that hold what the business wrote."""

_USER_INFO = re.compile(r"(?<=://)[^\s/@\"']+@")
_BEARER = re.compile(r"(?i)\b(bearer|authorization:\s*basic)\s+[A-Za-z0-9+/=._~-]{8,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_ASSIGNED = re.compile(
    r"(?i)(?P<name>[\"']?[\w-]*(?:password|passwd|secret|token|api[_-]?key)[\w-]*[\"']?\s*[:=]\s*)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;}\"']+)"
)
_QUERY = re.compile(r"(?i)(?<=[?&])(?P<name>(?:api_?)?key|token|access_token|sig)=[^&\s\"']+")
_PEM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL
)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}\b")
_BARE_NUMBER = re.compile(r"(?i)(?<=sip:)[0-9]{7,15}\b|(?<=tel:)[0-9]{7,15}\b")
_ROOM = re.compile(r"\bsb-[a-z0-9-]+_[^\s\"',}]+")
"""Rooms of LiveKit's individual rules carry the caller's number."""


class Redactor:
    """Knows the values of Secrets and the numbers that may be shown."""

    def __init__(self, secrets: Iterable[str], own_numbers: Iterable[str]) -> None:
        forms = {form for value in secrets for form in _forms(value)}
        ordered = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._own_numbers = frozenset(own_numbers)

    def object(self, obj: Object) -> Object:
        """Return an object as it may be shown."""
        shown = {key: value for key, value in obj.items() if key != "metadata"}
        if obj.get("kind") == "Secret":
            for name in ("data", "stringData"):
                if name in shown:
                    shown[name] = dict.fromkeys(shown[name] or {}, HIDDEN)
        cleaned: Object = {
            key: self._value(value, numbers=key not in _OWN_TEXTS) for key, value in shown.items()
        }
        cleaned["metadata"] = self._value(_metadata(obj.get("metadata") or {}), numbers=True)
        order = ["apiVersion", "kind", "metadata"]
        return {key: cleaned[key] for key in [*order, *cleaned] if key in cleaned}

    def text(self, text: str) -> str:
        """Return a log or another text as it may be shown."""
        text = _PEM.sub(HIDDEN, text)
        text = _ASSIGNED.sub(_hide_assigned, text)
        return self._string(text, numbers=True)

    def _value(self, value: Any, *, numbers: bool) -> Any:  # noqa: ANN401  any JSON
        if isinstance(value, str):
            return self._string(value, numbers=numbers)
        if isinstance(value, list):
            return [self._value(entry, numbers=numbers) for entry in value]
        if isinstance(value, dict):
            if _is_secret_variable(value):
                return {**value, "value": HIDDEN}
            return {key: self._value(entry, numbers=numbers) for key, entry in value.items()}
        return value

    def _string(self, text: str, *, numbers: bool) -> str:
        if self._secrets:
            text = self._secrets.sub(HIDDEN, text)
        text = _USER_INFO.sub(f"{HIDDEN}@", text)
        text = _BEARER.sub(lambda found: f"{found[1]} {HIDDEN}", text)
        text = _JWT.sub(HIDDEN, text)
        text = _QUERY.sub(lambda found: f"{found['name']}={HIDDEN}", text)
        if numbers:
            text = _ROOM.sub(ROOM, text)
            text = _E164.sub(self._number, text)
            text = _BARE_NUMBER.sub(NUMBER, text)
        return text

    def _number(self, found: re.Match[str]) -> str:
        return found[0] if found[0] in self._own_numbers else NUMBER


def secret_values(secrets: Iterable[Object]) -> set[str]:
    """Return what the Secrets hold, decoded; not names of users."""
    found = set()
    for secret in secrets:
        for key, encoded in (secret.get("data") or {}).items():
            try:
                value = base64.b64decode(encoded, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                continue
            if key.lower() not in _OPEN_KEYS:
                found.add(value)
    return found


def _hide_assigned(found: re.Match[str]) -> str:
    quote = found["value"][0] if found["value"][0] in "\"'" else ""
    return f"{found['name']}{quote}{HIDDEN}{quote}"


def _forms(value: str) -> set[str]:
    """Return a secret as it may be written: itself, base64, the lines of it."""
    found = {value.strip(), base64.b64encode(value.encode()).decode()}
    found |= {line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    return {form for form in found if len(form) >= _SHORTEST}


def _is_secret_variable(value: Mapping[str, Any]) -> bool:
    named = isinstance(value.get("name"), str) and "value" in value
    return named and bool(_SECRET_NAME.search(value["name"]))


def _metadata(metadata: Mapping[str, Any]) -> Object:
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key not in _DROPPED_ANNOTATIONS
    }
    if annotations:
        kept["annotations"] = annotations
    else:
        kept.pop("annotations", None)
    return kept
