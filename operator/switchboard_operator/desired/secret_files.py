"""Keys of Secrets as files in worker pods: volumes, because files follow the Secret.

An environment variable keeps the value that its process began with; a mounted file is replaced by
the kubelet when the Secret changes, so a rotated token needs no restart. Only the keys that are
used are mounted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from switchboard_contract import names
from switchboard_contract.crd.meta import ObjectKeyRef
from switchboard_operator.kube.objects import Object

_READABLE = 0o440
"""By the pod's own user and group only."""


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """One Secret of the pods' namespace."""

    name: str
    keys: tuple[str, ...]


def secret_files(refs: Iterable[ObjectKeyRef]) -> tuple[SecretFiles, ...]:
    """Return what to mount, each Secret once, in the same order for the same keys."""
    pairs = sorted({(ref.name, ref.key) for ref in refs})
    return tuple(
        SecretFiles(name, tuple(key for _, key in group))
        for name, group in groupby(pairs, key=lambda pair: pair[0])
    )


def volumes(secrets: tuple[SecretFiles, ...]) -> list[Object]:
    """Return the volumes of the pod."""
    return [
        {
            "name": _volume(index),
            "secret": {
                "secretName": secret.name,
                "defaultMode": _READABLE,
                "items": [{"key": key, "path": key} for key in secret.keys],
            },
        }
        for index, secret in enumerate(secrets)
    ]


def mounts(secrets: tuple[SecretFiles, ...]) -> list[Object]:
    """Return the mounts of the container. No subPath: such a file would never change."""
    return [
        {
            "name": _volume(index),
            "mountPath": f"{names.SECRETS_DIRECTORY}/{secret.name}",
            "readOnly": True,
        }
        for index, secret in enumerate(secrets)
    ]


def _volume(index: int) -> str:
    return f"secret-{index}"
