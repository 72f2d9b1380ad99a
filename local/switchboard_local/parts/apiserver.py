"""kube-apiserver: the one door to all resources."""

from dataclasses import dataclass
from pathlib import Path

from switchboard_local.part import Part
from switchboard_local.pki import ControlPlaneFiles
from switchboard_local.probes import HttpReady


@dataclass(frozen=True, slots=True)
class ApiServerAddress:
    """Where the API server listens and what it hands out."""

    host: str
    port: int
    service_range: str
    """ClusterIPs, as CIDR."""

    @property
    def url(self) -> str:
        """For every client."""
        return f"https://{self.host}:{self.port}"


def apiserver_part(
    *,
    program: Path,
    address: ApiServerAddress,
    etcd_url: str,
    files: ControlPlaneFiles,
    advertise: bool = True,
) -> Part:
    """Return the API server.

    `advertise` publishes `host` as the endpoint of the Service `kubernetes`, for pods; a loopback
    address is refused there, so a control plane without nodes leaves it out. It also has no way to
    the address of a Service: APIServices then go by the name in a Service of type ExternalName,
    which routing straight to endpoints does not know.
    """
    endpoint = (
        (f"--advertise-address={address.host}",)
        if advertise
        else ("--endpoint-reconciler-type=none",)
    )
    return Part(
        name="kube-apiserver",
        command=(
            str(program),
            *endpoint,
            f"--bind-address={address.host}",
            f"--secure-port={address.port}",
            f"--etcd-servers={etcd_url}",
            f"--service-cluster-ip-range={address.service_range}",
            f"--client-ca-file={files.ca}",
            f"--tls-cert-file={files.apiserver.cert}",
            f"--tls-private-key-file={files.apiserver.key}",
            f"--kubelet-client-certificate={files.kubelet_client.cert}",
            f"--kubelet-client-key={files.kubelet_client.key}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={files.front_proxy_client.cert}",
            f"--proxy-client-key-file={files.front_proxy_client.key}",
            f"--requestheader-client-ca-file={files.front_proxy_ca}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--enable-aggregator-routing={str(advertise).lower()}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={files.service_account.key}",
            f"--service-account-signing-key-file={files.service_account.key}",
            f"--token-auth-file={files.tokens}",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            "--enable-bootstrap-token-auth=false",
            "--profiling=false",
        ),
        probe=HttpReady(f"{address.url}/readyz", ca_file=files.ca, bearer=files.admin_token),
        listens=((address.host, address.port),),
        after=("etcd",),
        ready_within_seconds=60,
    )
