"""What the support bundle is collected from, and that it is made with few rights too."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typing_extensions import override

from switchboard_cli.bundle import archive
from switchboard_cli.bundle.collect import OPERATOR, Collector
from switchboard_cli.bundle.files import files
from switchboard_cli.cluster.client import POD, ClusterClient
from switchboard_operator.errors import KubeApiError, NotFoundError
from switchboard_operator.kube.kinds import DEPLOYMENT, SECRET, TENANT, VOICE_AGENT, Kind
from switchboard_operator.kube.objects import Object

_SECRET = "l1vekit-s3cret"
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _object(name: str, namespace: str = "", **body: Any) -> Object:  # noqa: ANN401  any part of it
    metadata = {"name": name, "namespace": namespace, "uid": name}
    return {"metadata": metadata | body.pop("metadata", {}), **body}


class _Cluster(ClusterClient):
    """Holds a few objects, and refuses what a user with few rights may not read."""

    def __init__(self, *, forbidden: frozenset[Kind] = frozenset()) -> None:
        self._forbidden = forbidden
        secret = {"secretKeyRef": {"name": "livekit", "key": "apiSecret"}}
        pod = {"containers": [{"image": "operator:1", "env": [{"name": "S", "valueFrom": secret}]}]}
        restarted = {"containerStatuses": [{"restartCount": 2}]}
        self._held: dict[Kind, list[Object]] = {
            TENANT: [_object("clinic"), _object("other")],
            VOICE_AGENT: [_object("desk", "clinic", spec={}, status={"tenant": "clinic"})],
            DEPLOYMENT: [_object("op", "sys", spec={"template": {"spec": pod}})],
            POD: [_object("op-1", "sys", spec=pod, status=restarted)],
        }

    @override
    async def list_in(self, kind: Kind, namespace: str = "", **params: str) -> list[Object]:
        if kind in self._forbidden:
            raise KubeApiError(403, "Forbidden", f"cannot list {kind.plural}")
        if kind in {DEPLOYMENT, POD} and params.get("labelSelector") != OPERATOR:
            return []
        if kind not in self._held:
            raise NotFoundError(404, "NotFound", "no such kind")
        held = self._held[kind]
        return [o for o in held if not namespace or o["metadata"]["namespace"] == namespace]

    @override
    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        assert (kind, namespace, name) == (SECRET, "sys", "livekit")
        if kind in self._forbidden:
            raise KubeApiError(403, "Forbidden", "cannot get secrets")
        return {"data": {"apiSecret": base64.b64encode(_SECRET.encode()).decode()}}

    @override
    async def version(self) -> Object:
        return {"gitVersion": "v1.36.0"}

    @override
    async def text(self, path: str, params: Mapping[str, str]) -> str:
        assert path == "/api/v1/namespaces/sys/pods/op-1/log"
        when = "before" if params.get("previous") else "now"
        return f"{when}: LiveKit refused {_SECRET} for +15559990001\n"


async def _files(cluster: _Cluster) -> dict[str, str]:
    collected = await Collector(cluster, "sys").collect("clinic")
    return files(collected, {}, _NOW)


async def test_operator_logs_come_without_secrets_and_callers() -> None:
    made = await _files(_Cluster())
    said = "LiveKit refused <hidden> for <number>\n"
    assert made["operator/logs/op-1.log"] == f"now: {said}"
    assert made["operator/logs/op-1.previous.log"] == f"before: {said}"
    assert '"operator:1"' in made["summary.json"]


async def test_other_tenants_are_not_in_the_bundle_of_a_namespace() -> None:
    made = await _files(_Cluster())
    assert "name: clinic" in made["tenants.yaml"]
    assert "other" not in made["tenants.yaml"]
    assert "VoiceAgent clinic/desk" in made["namespaces/clinic/desk/status.txt"]


async def test_what_may_not_be_read_is_named_and_the_rest_is_there() -> None:
    made = await _files(_Cluster(forbidden=frozenset({TENANT, SECRET, POD})))
    assert "tenants: 403 Forbidden: cannot list tenants" in made["summary.json"]
    assert "Secret sys/livekit (to hide it)" in made["summary.json"]
    assert "kind: VoiceAgent" in made["namespaces/clinic/desk/voiceagent.yaml"]


def test_only_its_owner_may_read_the_bundle(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "report.tar.gz"
    archive.write(path, {"a": "b"}, folder="report", at=0.0)
    assert path.stat().st_mode & 0o777 == 0o600
