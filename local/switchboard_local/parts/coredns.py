"""CoreDNS: names of Services and pods."""

from pathlib import Path

from switchboard_local.part import Part
from switchboard_local.probes import HttpReady


def corefile(*, host: str, kubeconfig: Path) -> str:
    """Return the Corefile: the cluster's own zone, and a quick no to everything else.

    Pods cannot reach the Internet, so a name outside the cluster is refused instead of asked for.
    """
    return f"""\
cluster.local in-addr.arpa ip6.arpa {{
    bind {host}
    errors
    ready {host}:8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
}}
. {{
    bind {host}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def coredns_part(*, program: Path, directory: Path, host: str, kubeconfig: Path) -> Part:
    """Return the name server on port 53 of its own address."""
    path = directory / "Corefile"
    return Part(
        name="coredns",
        command=(str(program), "-conf", str(path)),
        probe=HttpReady(f"http://{host}:8181/ready"),
        files={path: corefile(host=host, kubeconfig=kubeconfig)},
        after=("kube-apiserver",),
    )
