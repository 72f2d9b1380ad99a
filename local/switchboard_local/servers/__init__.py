"""Single servers on 127.0.0.1, for any user: what tests need without the whole local system.

Each is an async context manager that yields the server's address once it can be used, and whose
process is gone when the block ends, or when the program that opened it dies:

    async with redis_server(tmp_path) as redis, livekit_server(tmp_path, redis) as livekit: ...
    async with control_plane(tmp_path) as cluster: ...

Logs lie under `<workdir>/logs/`; an error names the one to read.
"""

from switchboard_local.servers.control_plane import ControlPlane, control_plane
from switchboard_local.servers.livekit import LiveKitServer, livekit_server
from switchboard_local.servers.redis import RedisServer, redis_server

__all__ = [
    "ControlPlane",
    "LiveKitServer",
    "RedisServer",
    "control_plane",
    "livekit_server",
    "redis_server",
]
