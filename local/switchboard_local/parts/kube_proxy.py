"""kube-proxy: makes ClusterIPs lead to pods, for every node of the bundle at once.

All nodes share one network namespace, so one proxy serves them.
"""

from pathlib import Path
from typing import Any

import yaml

from switchboard_local.part import Part
from switchboard_local.probes import HttpReady


def kube_proxy_config(*, host: str, node: str, pods: str, kubeconfig: Path) -> dict[str, Any]:
    """Return the KubeProxyConfiguration; it leaves the kernel's connection limits alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": node,
        "clusterCIDR": pods,
        "healthzBindAddress": f"{host}:10256",
        "metricsBindAddress": f"{host}:10249",
        "nodePortAddresses": ["primary"],
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


def kube_proxy_part(
    *, program: Path, directory: Path, host: str, node: str, pods: str, kubeconfig: Path
) -> Part:
    """Return the proxy; `node` is the name of the first node, `pods` the range of all."""
    path = directory / "kube-proxy.yaml"
    config = kube_proxy_config(host=host, node=node, pods=pods, kubeconfig=kubeconfig)
    return Part(
        name="kube-proxy",
        command=(str(program), f"--config={path}"),
        # It reports healthy once its node exists.
        probe=HttpReady(f"http://{host}:10249/healthz"),
        files={path: yaml.safe_dump(config)},
        after=("kube-apiserver",),
    )
