"""kube-scheduler: gives every pod a node."""

from pathlib import Path

from switchboard_local.part import Part
from switchboard_local.pki import ControlPlaneFiles
from switchboard_local.probes import HttpReady


def scheduler_part(
    *, program: Path, host: str, port: int, files: ControlPlaneFiles, kubeconfig: Path
) -> Part:
    """Return the scheduler."""
    return Part(
        name="kube-scheduler",
        command=(
            str(program),
            f"--bind-address={host}",
            f"--secure-port={port}",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--tls-cert-file={files.components.cert}",
            f"--tls-private-key-file={files.components.key}",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--profiling=false",
        ),
        probe=HttpReady(f"https://{host}:{port}/healthz", ca_file=files.ca),
        listens=((host, port),),
        after=("kube-apiserver",),
    )
