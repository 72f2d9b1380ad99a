"""The Secret of the workers: how they reach LiveKit and Redis.

A copy per pool, because a pod can only read Secrets of its own namespace.
"""

import base64

from switchboard_operator.desired import meta
from switchboard_operator.desired.pool import Pool
from switchboard_operator.kube.kinds import SECRET
from switchboard_operator.kube.objects import Object, fingerprint
from switchboard_operator.settings import WorkerSettings

LIVEKIT_API_KEY = "SWITCHBOARD_LIVEKIT_API_KEY"
LIVEKIT_API_SECRET = "SWITCHBOARD_LIVEKIT_API_SECRET"  # noqa: S105  the key's name, not its value
REDIS_URL = "SWITCHBOARD_REDIS_URL"
KEYS = (LIVEKIT_API_KEY, LIVEKIT_API_SECRET, REDIS_URL)


def build(pool: Pool, settings: WorkerSettings) -> Object:
    """Return the Secret."""
    data = {key: base64.b64encode(v.encode()).decode() for key, v in _values(settings).items()}
    return meta.child(SECRET, pool.owned, pool.worker, {"type": "Opaque", "data": data})


def checksum(settings: WorkerSettings) -> str:
    """Return what changes when a value changes: on the pod template it rolls the workers."""
    return fingerprint("\0".join(_values(settings).values()))


def _values(settings: WorkerSettings) -> dict[str, str]:
    return {
        LIVEKIT_API_KEY: settings.livekit_api_key,
        LIVEKIT_API_SECRET: settings.livekit_api_secret,
        REDIS_URL: settings.redis_url,
    }
