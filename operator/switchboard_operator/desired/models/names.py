"""The name of a model server, which is also its identity.

It is made from what is shared (engine, model, GPU profile, placement) and nothing else, so that two
agents that ask for the same find the same server without talking to each other, and the worker
configuration can name its address before it exists.
"""

import hashlib
import re

from switchboard_contract import names
from switchboard_contract.crd.model_server import ModelServer

_WORDS = 30
"""Characters of the readable middle: with engine and hash the pod names stay below 63."""
_HASH = 8


def server_name(ask: ModelServer) -> str:
    """Return the name of the server that an ask means: a DNS label that begins with a letter."""
    identity = f"{ask.engine}\x00{ask.model}\x00{ask.gpu_profile}\x00{ask.placement}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:_HASH]
    readable = f"{ask.model.rsplit('/', 1)[-1]}-{ask.gpu_profile}"
    words = re.sub(r"[^a-z0-9]+", "-", readable.lower())[:_WORDS].strip("-")
    return f"{ask.engine}-{words}-{digest}"


def service_host(server: str, namespace: str) -> str:
    """Return the host name under which a server answers inside the cluster."""
    return f"{server}.{namespace}.svc"


def selector(server: str) -> dict[str, str]:
    """Return the labels that select the pods of a server."""
    return {names.LABEL_MODEL_SERVER: server}
