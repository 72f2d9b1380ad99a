"""Where a model server answers, and under which name it serves its model.

Pure and known before the server exists: the agent revision that names it does not wait for a GPU.
"""

from typing import NamedTuple

from switchboard_contract.crd.model_server import ModelEngine, ModelServer
from switchboard_operator.desired.models import ports
from switchboard_operator.desired.models.names import server_name, service_host
from switchboard_operator.settings import Settings


class Endpoint(NamedTuple):
    """Address and model name, as a client gives them."""

    base_url: str
    served_model: str


def endpoint(ask: ModelServer, settings: Settings) -> Endpoint:
    """Return the endpoint: an OpenAI API for vLLM, gRPC for Triton."""
    host = service_host(server_name(ask), settings.operator_namespace)
    if ask.engine is ModelEngine.VLLM:
        return Endpoint(f"http://{host}:{ports.VLLM_HTTP}/v1", ask.model)
    return Endpoint(f"grpc://{host}:{ports.TRITON_GRPC}", ask.model)
