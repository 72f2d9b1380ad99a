"""The Secret that holds the certificates: one for all replicas, made and renewed by any of them.

No leader is needed: of two that find it missing or old at once, the API server lets one write, and
the other reads what that one wrote.
"""

import base64
import binascii
import datetime as dt

from switchboard_operator.errors import ConflictError, NotFoundError
from switchboard_operator.kube.client import KubeApi
from switchboard_operator.kube.kinds import SECRET
from switchboard_operator.kube.objects import Object
from switchboard_operator.metrics_api.certificates import Certificates, renewed

_KEYS = {"ca": "ca.crt", "ca_key": "ca.key", "cert": "tls.crt", "key": "tls.key"}


async def keep(
    api: KubeApi, namespace: str, name: str, hosts: tuple[str, ...], now: dt.datetime
) -> Certificates:
    """Return certificates good for a while, from the Secret; make or renew it where needed."""
    try:
        found = await api.get(SECRET, namespace, name)
    except NotFoundError:
        return await _create(api, namespace, name, renewed(None, hosts, now))
    old = _read(found)
    wanted = renewed(old, hosts, now)
    if wanted == old:
        return wanted
    version = found["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "data": _data(wanted)}
    try:
        await api.patch(SECRET, namespace, name, patch)
    except ConflictError:
        return _read(await api.get(SECRET, namespace, name)) or wanted
    return wanted


async def _create(api: KubeApi, namespace: str, name: str, wanted: Certificates) -> Certificates:
    secret: Object = {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "switchboard"},
        },
        "type": "kubernetes.io/tls",
        "data": _data(wanted),
    }
    try:
        await api.create(SECRET, secret)
    except ConflictError:
        return _read(await api.get(SECRET, namespace, name)) or wanted
    return wanted


def _data(certificates: Certificates) -> dict[str, str]:
    return {
        key: base64.b64encode(getattr(certificates, field).encode()).decode()
        for field, key in _KEYS.items()
    }


def _read(secret: Object) -> Certificates | None:
    data = secret.get("data") or {}
    try:
        values = {
            field: base64.b64decode(data[key], validate=True).decode()
            for field, key in _KEYS.items()
        }
    except (KeyError, binascii.Error, UnicodeDecodeError):
        return None
    return Certificates(**values)
