"""Which colocated model servers there are: those somebody asks for, and those not yet gone."""

from switchboard_contract import names
from switchboard_contract.crd.model_server import ModelEngine, ModelServer
from switchboard_operator.desired.models.gpu import shares_gpu
from switchboard_operator.desired.models.room import Colocated, is_colocated
from switchboard_operator.desired.models.server import ENGINE_LABEL, GPU_PROFILE_LABEL
from switchboard_operator.directory import Directory
from switchboard_operator.kube.kinds import DEPLOYMENT
from switchboard_operator.kube.objects import labels_of
from switchboard_operator.store import Store


def neighbours(asks: list[ModelServer], directory: Directory, store: Store) -> Colocated:
    """Return the colocated servers; nothing for an agent that asks for none, whom they concern."""
    if not any(is_colocated(ask) for ask in asks):
        return {}
    found: dict[str, tuple[str, ModelEngine]] = {}
    for name in directory.model_asks.servers():
        ask = directory.model_asks.asks(name)[0]
        if is_colocated(ask):
            found[name] = (ask.gpu_profile, ask.engine)
    for deployment in store.all(DEPLOYMENT):
        labels = labels_of(deployment)
        server = labels.get(names.LABEL_MODEL_SERVER)
        if server and shares_gpu(deployment) and labels.get(ENGINE_LABEL) in set(ModelEngine):
            found[server] = (labels.get(GPU_PROFILE_LABEL, ""), ModelEngine(labels[ENGINE_LABEL]))
    return found
