"""The pods' network on one node: a routed veth pair per pod.

`ptp` and not `bridge`: every packet between two pods is then routed, so Services work between
pods of one node on kernels without br_netfilter too.
"""

import json
from pathlib import Path
from typing import Any


def cni_config(*, pods: str, leases: Path) -> dict[str, Any]:
    """Return the network list for containerd; `pods` is the node's pod range."""
    return {
        "cniVersion": "0.4.0",
        "name": "switchboard",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(leases),
                    "ranges": [[{"subnet": pods}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def cni_config_text(*, pods: str, leases: Path) -> str:
    """Return the content of the node's network file."""
    return json.dumps(cni_config(pods=pods, leases=leases), indent=2)
