"""kube-controller-manager: Deployments become pods, owners take their children along."""

from pathlib import Path

from switchboard_local.part import Part
from switchboard_local.pki import ControlPlaneFiles
from switchboard_local.probes import HttpReady

WITHOUT_NODES = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
"""Controllers that make deletion and service accounts work where no pod ever runs."""

WITH_AUTOSCALER = (*WITHOUT_NODES, "horizontal-pod-autoscaler-controller")
"""The same, and workers that run as processes are scaled."""

AUTOSCALER_SECONDS = 5
"""How often autoscalers look, 15 in a cluster: nobody wants to wait for it in a test or a demo."""


def controller_manager_part(
    *,
    program: Path,
    host: str,
    port: int,
    files: ControlPlaneFiles,
    kubeconfig: Path,
    controllers: tuple[str, ...] = ("*",),
) -> Part:
    """Return the controller manager; its default request rate is too slow for a quick start."""
    return Part(
        name="kube-controller-manager",
        command=(
            str(program),
            f"--bind-address={host}",
            f"--secure-port={port}",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--tls-cert-file={files.components.cert}",
            f"--tls-private-key-file={files.components.key}",
            f"--service-account-private-key-file={files.service_account.key}",
            f"--root-ca-file={files.ca}",
            f"--cluster-signing-cert-file={files.ca}",
            f"--cluster-signing-key-file={files.ca_key}",
            f"--controllers={','.join(controllers)}",
            "--use-service-account-credentials=false",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            f"--horizontal-pod-autoscaler-sync-period={AUTOSCALER_SECONDS}s",
            "--node-monitor-period=2s",
            "--node-monitor-grace-period=16s",
            "--profiling=false",
        ),
        probe=HttpReady(f"https://{host}:{port}/healthz", ca_file=files.ca),
        listens=((host, port),),
        after=("kube-apiserver",),
    )
