"""vLLM: an OpenAI API over one language model."""

from switchboard_operator.desired.models import cache, drain, gpu, ports
from switchboard_operator.desired.models.probes import probes
from switchboard_operator.desired.models.server import Server
from switchboard_operator.kube.objects import Object

TOKEN_KEY = "token"  # noqa: S105  the key's name, not its value

_READY = "/v1/models"
"""Not /health, which can be green before the model serves (vllm#15313)."""
_LIVE = "/health"


def container(server: Server) -> Object:
    """Return the container."""
    settings = server.settings
    return {
        "name": "vllm",
        "image": settings.images.vllm,
        "command": ["vllm", "serve"],
        "args": _args(server),
        "env": _env(server),
        "ports": [{"name": "http", "containerPort": ports.VLLM_HTTP, "protocol": "TCP"}],
        **probes(ready=_READY, live=_LIVE, load_timeout_seconds=settings.load_timeout_seconds),
        "lifecycle": drain.lifecycle(),
        "resources": gpu.resources(server),
    }


def _args(server: Server) -> list[str]:
    vllm, colocated = server.profile.vllm, server.profile.colocated
    memory = vllm.gpu_memory_utilization
    if server.is_colocated and colocated is not None:
        memory = colocated.vllm_memory_fraction
    parallel = 1 if server.is_colocated else vllm.tensor_parallel or max(1, server.profile.count)
    length = [f"--max-model-len={vllm.max_model_len}"] if vllm.max_model_len else []
    return [
        server.ask.model,
        f"--served-model-name={server.ask.model}",
        f"--port={ports.VLLM_HTTP}",
        *length,
        f"--gpu-memory-utilization={memory:g}",
        f"--tensor-parallel-size={parallel}",
        "--enable-prefix-caching",
        f"--shutdown-timeout={server.settings.drain_seconds}",
        f"--disable-access-log-for-endpoints={_LIVE},{_READY},/metrics",
        *vllm.extra_args,
    ]


def _env(server: Server) -> list[Object]:
    plain = {
        "HOME": cache.PATH,
        "USER": "vllm",  # the compiler asks for a user name, which the uid may have none of
        "HF_HOME": f"{cache.PATH}/huggingface",
        "VLLM_CACHE_ROOT": f"{cache.PATH}/vllm",
        "VLLM_NO_USAGE_STATS": "1",
    }
    env: list[Object] = [{"name": name, "value": value} for name, value in plain.items()]
    if secret := server.settings.hf_token_secret:
        ref = {"name": secret, "key": TOKEN_KEY}
        env.append({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": ref}})
    return env
