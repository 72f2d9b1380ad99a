"""kubelet: runs the pods of one node."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from switchboard_local.part import Part
from switchboard_local.pki import ControlPlaneFiles
from switchboard_local.probes import NodeReady


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """One node."""

    name: str
    address: str
    cgroup: str
    """`cgroupRoot`, made before kubelet starts."""
    containerd: Path
    """Socket of its containerd."""
    root: Path
    """kubelet's own files: pod volumes, secrets, tokens."""
    pod_logs: Path


def kubelet_config(
    node: NodeSettings, *, files: ControlPlaneFiles, dns: str, cgroups_v1: bool
) -> dict[str, Any]:
    """Return the KubeletConfiguration.

    Thresholds are wide: a full disk of the developer's machine should not evict test pods, and
    images are never collected, for no registry could bring them back.
    """
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "healthzBindAddress": node.address,
        "tlsCertFile": str(files.components.cert),
        "tlsPrivateKeyFile": str(files.components.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(files.ca)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{node.containerd}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": node.cgroup,
        "enforceNodeAllocatable": ["pods"],
        "oomScoreAdj": 0,
        "clusterDNS": [dns],
        "clusterDomain": "cluster.local",
        "resolvConf": "",
        "podLogsDir": str(node.pod_logs),
        "volumePluginDir": str(node.root / "plugins"),
        "makeIPTablesUtilChains": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1Gi",
            "imagefs.available": "1Gi",
        },
        "nodeStatusUpdateFrequency": "4s",
        "eventRecordQPS": 0,
        "syncFrequency": "10s",
    }
    if cgroups_v1:
        config["failCgroupV1"] = False
    return config


def kubelet_part(
    *,
    program: Path,
    node: NodeSettings,
    config: dict[str, Any],
    kubeconfig: Path,
    probe: NodeReady,
) -> Part:
    """Return the kubelet of one node, ready when the node is."""
    path = node.root / "kubelet.yaml"
    return Part(
        name=f"kubelet-{node.name}",
        command=(
            str(program),
            f"--config={path}",
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={node.name}",
            f"--node-ip={node.address}",
            f"--root-dir={node.root}",
            f"--cert-dir={node.root / 'pki'}",
        ),
        probe=probe,
        files={path: yaml.safe_dump(config)},
        directories=(node.pod_logs,),
        after=("kube-apiserver", f"containerd-{node.name}"),
    )
