"""The samples that we publish are accepted and served by the operator, all of them together."""

import base64
import itertools
from pathlib import Path

import yaml

from switchboard_operator.kube.kinds import NAMESPACE, SECRET, TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object, name_of, namespace_of
from tests.operator.samples import World

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
KINDS = {kind.kind: kind for kind in (NAMESPACE, TENANT, VOICE_AGENT)}


def _samples() -> list[Object]:
    paths = sorted(MANIFESTS.glob("samples*/*.yaml"))
    documents = (yaml.safe_load_all(path.read_text(encoding="utf-8")) for path in paths)
    return [obj for obj in itertools.chain(*documents) if obj["kind"] in KINDS]


def _secrets(obj: Object) -> list[Object]:
    """Return the Secrets that a sample tells its reader to make."""
    llm = obj.get("spec", {}).get("llm") or {"providers": []}
    refs = [p["apiKeyRef"] for p in llm["providers"] if "apiKeyRef" in p]
    return [
        {
            "metadata": {"name": ref["name"], "namespace": namespace_of(obj)},
            "data": {ref["key"]: base64.b64encode(b"token").decode()},
        }
        for ref in refs
    ]


async def test_every_sample_is_accepted() -> None:
    world = World()
    samples = _samples()
    world.users_put(*((KINDS[obj["kind"]], obj) for obj in samples))
    world.users_put(*((SECRET, secret) for obj in samples for secret in _secrets(obj)))
    await world.open()
    await world.settle(rounds=200)
    assert not world.errors
    agents = [obj for obj in samples if obj["kind"] == "VoiceAgent"]
    assert len(agents) > 1
    for obj in agents:
        place = name_of(obj), namespace_of(obj)
        assert world.condition("Accepted", *place) == "True/Accepted", world.message(
            "Accepted", *place
        )
        assert world.condition("SIPReady", *place) == "True/SIPReady"
    for obj in samples:
        if obj["kind"] == "Tenant":
            status = world.kube.objects[TENANT, "", name_of(obj)]["status"]
            assert status["conditions"][0]["status"] == "True"
