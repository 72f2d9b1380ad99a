"""`switchboard render` of every sample, in Kubernetes and in LiveKit, is what a cluster gets."""

import contextlib
import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import yaml
from google.protobuf.json_format import MessageToDict

from switchboard_contract import names
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.kinds import CHILDREN, DEPLOYMENT
from switchboard_operator.kube.objects import Object, name_of
from switchboard_operator.sip.wire import agent_of
from tests.operator.system import ROOT, System, until
from tests.operator.test_integration_cli import _KINDS, _comparable, _contained, _rendered

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

KEY: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "openai", "namespace": "smile-dental"},
    "data": {"token": "dA=="},
}
"""What the sample with language models says must be made first."""
_OF_LIVEKIT = ("LiveKitInboundTrunk", "LiveKitDispatchRule", "LiveKitOutboundTrunk")


def _samples(folder: Path) -> Path:
    """Return a folder with all samples, and what they need."""
    for file in (ROOT / "manifests").glob("samples*/*.yaml"):
        shutil.copy(file, folder / file.name)
    (folder / "99-key.yaml").write_text(yaml.safe_dump(KEY))
    return folder


def _documents(folder: Path) -> list[Object]:
    """Return what is in a folder, in the order in which it can be applied."""
    files = sorted(folder.glob("*.yaml"))
    found = [d for file in files for d in yaml.safe_load_all(file.read_text()) if d]
    order = list(_KINDS)
    return sorted(found, key=lambda document: order.index(document["kind"]))


async def _applied(system: System, documents: list[Object]) -> list[Object]:
    """Apply samples; return the VoiceAgents once LiveKit has them."""
    for document in documents:
        await system.put(_KINDS[document["kind"]], document)
    agents = [d for d in documents if d["kind"] == "VoiceAgent"]
    for one in agents:
        await system.condition(_where(one), "SIPReady", "True/SIPReady", name_of(one))
    return agents


async def test_every_sample_renders_to_what_the_cluster_gets(
    system: System, tmp_path: Path
) -> None:
    folder = _samples(tmp_path)
    agents = await _applied(system, _documents(folder))
    printed = await _rendered(system, tmp_path, folder, "--livekit")
    objects = [one for one in printed if one["kind"] not in _OF_LIVEKIT]
    for one in objects:
        as_printed = partial(_is_as_printed, system, one)
        await until(as_printed, f"{one['kind']} {name_of(one)} is as printed")
    pools = [o for o in objects if o["kind"] == DEPLOYMENT.kind and _where(o) == "default"]
    assert [pool["metadata"]["labels"][names.LABEL_POOL] for pool in pools] == ["bright-eyes_shops"]
    for one in agents:
        key = f"{_where(one)}/{name_of(one)}"
        assert await _in_livekit(system, key) == _plain(printed, key), key


async def _is_as_printed(system: System, printed: Object) -> bool:
    kind = next(k for k in CHILDREN if k.kind == printed["kind"])
    with contextlib.suppress(NotFoundError):
        there = await system.kube.get(kind, _where(printed), name_of(printed))
        return _contained(_comparable(printed), there)
    return False


async def _in_livekit(system: System, key: str) -> list[Object]:
    """Return what LiveKit holds for a VoiceAgent, as `render` words it."""
    trunks = [t for t in await system.sip.list_trunks() if agent_of(t.metadata) == key]
    rules = [r for r in await system.sip.list_rules() if agent_of(r.metadata) == key]
    found = [MessageToDict(m, preserving_proto_field_name=True) for m in (*trunks, *rules)]
    return [_without_ids(one) for one in found]


def _plain(printed: list[Object], key: str) -> list[Object]:
    order = {kind: index for index, kind in enumerate(_OF_LIVEKIT)}
    own = [one for one in printed if one["kind"] in order and name_of(one) == key]
    own.sort(key=lambda one: order[one["kind"]])
    return [_without_ids(one["spec"]) for one in own]


def _without_ids(message: Object) -> Object:
    """Leave out what only a cluster and LiveKit give: UIDs, ids, times, an empty media block."""
    given = {"sip_trunk_id", "sip_dispatch_rule_id", "created_at", "updated_at", "trunk_ids"}
    kept = {name: value for name, value in message.items() if name not in given}
    if not kept.get("media"):
        kept.pop("media", None)
    owner = json.loads(kept["metadata"])
    owner.pop("uid")
    return kept | {"metadata": owner}


def _where(obj: Object) -> str:
    return str(obj["metadata"]["namespace"])
