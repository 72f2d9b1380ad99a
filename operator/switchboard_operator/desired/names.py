"""Names and labels of children."""

from switchboard_contract import names

NAME_LABEL = "app.kubernetes.io/name"
WORKER = "switchboard-worker"
MAX_LABEL_VALUE = 63
"""Kubernetes' bound of a label value; the pool name is one."""


def worker_name(agent: str) -> str:
    """Return the name of the Deployment, Service, Secret and so on of an agent's workers."""
    return f"{agent}-worker"


def revision_name(agent: str, revision: str) -> str:
    """Return the name of the ConfigMap of a revision."""
    return f"{agent}-{revision}"


def line_name(agent: str) -> str:
    """Return the name of the ConfigMap of an agent's line."""
    return f"{agent}-line"


def twilio_service_name(agent: str) -> str:
    """Return the name of the Service that Twilio's requests are led to."""
    return f"{agent}-twilio"


def selector(pool: str) -> dict[str, str]:
    """Return the labels that select the worker pods of a pool."""
    return {names.LABEL_POOL: pool}


def room_prefix(namespace: str, agent: str) -> str:
    """Return the prefix of the LiveKit rooms of an agent's calls."""
    return f"sb-{namespace}-{agent}"
