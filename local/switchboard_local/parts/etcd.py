"""etcd: the store behind the API server."""

from dataclasses import dataclass
from pathlib import Path

from switchboard_local.part import Part
from switchboard_local.probes import HttpReady


@dataclass(frozen=True, slots=True)
class EtcdAddress:
    """Where etcd listens."""

    host: str
    client_port: int
    peer_port: int

    @property
    def client_url(self) -> str:
        """For the API server."""
        return f"http://{self.host}:{self.client_port}"

    @property
    def peer_url(self) -> str:
        """For other members; there are none, but etcd insists on an address."""
        return f"http://{self.host}:{self.peer_port}"


def etcd_part(*, program: Path, data: Path, address: EtcdAddress) -> Part:
    """Return a single-member etcd; `data` belongs in memory, where syncing costs nothing."""
    return Part(
        name="etcd",
        command=(
            str(program),
            f"--data-dir={data}",
            f"--listen-client-urls={address.client_url}",
            f"--advertise-client-urls={address.client_url}",
            f"--listen-peer-urls={address.peer_url}",
            f"--initial-advertise-peer-urls={address.peer_url}",
            f"--initial-cluster=default={address.peer_url}",
            "--logger=zap",
            "--log-level=warn",
        ),
        probe=HttpReady(f"{address.client_url}/health"),
        listens=((address.host, address.client_port), (address.host, address.peer_port)),
    )
