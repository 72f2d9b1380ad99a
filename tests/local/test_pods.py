"""Real pods on two real nodes: scheduled, restricted, named, and reached through Services."""

import json
from collections.abc import Iterator

import pytest
import yaml

from switchboard_local.bundle.control import bundle, down
from switchboard_local.command import run_command
from switchboard_local.images.base import base_image
from switchboard_local.images.build import BuiltImage, build_images
from switchboard_local.images.buildah import Buildah
from switchboard_local.images.nodes import import_images
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState
from switchboard_local.tools.locate import locate

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

RESTRICTED = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
ASK_THE_SERVICE = """
import contextlib, socket, sys, time, urllib.request
print(socket.gethostbyname("web.default.svc.cluster.local"))
seen, wanted, deadline = set(), int(sys.argv[1]), time.monotonic() + 10
# kube-proxy learns of a ready pod up to a second after its Deployment does, and refuses till then.
while len(seen) < wanted and time.monotonic() < deadline:
    with contextlib.suppress(OSError):
        seen.add(urllib.request.urlopen("http://web/", timeout=5).headers["Pod"])
print(*sorted(seen))
"""
WEB = """
import http.server, os
class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Pod", os.environ["HOSTNAME"])
        self.end_headers()
    def log_message(self, *_): print("asked", flush=True)
http.server.HTTPServer(("", 8000), Web).serve_forever()
"""


def manifests(image: str) -> str:
    labels = {"app": "web"}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": labels},
    }
    container = {
        "name": "web",
        "image": image,
        "command": ["python3", "-c", WEB],
        "securityContext": RESTRICTED,
        "readinessProbe": {"httpGet": {"port": 8000, "path": "/"}, "periodSeconds": 1},
    }
    pod = {
        "terminationGracePeriodSeconds": 1,
        "topologySpreadConstraints": [spread],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8000}]},
    }
    return yaml.safe_dump_all([deployment, service])


class Kubectl:
    def __init__(self, state: SystemState, settings: LocalSettings) -> None:
        self._command = [str(locate("kubectl", settings.cache)), f"--kubeconfig={state.kubeconfig}"]

    def __call__(self, *arguments: str, text_in: str | None = None) -> str:
        return run_command([*self._command, *arguments], text_in=text_in)


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Two nodes with four pods and a Service, ready."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWITCHBOARD_OUT", str(tmp_path_factory.mktemp("pods") / "out"))
        settings = LocalSettings.from_environment()
        image = base_archive(settings)
        try:
            with bundle(settings, nodes=2) as keeper:
                state = keeper.wait_up(lambda _: None)
                pause = build_images(settings, lambda _: None, only_pause=True)["pause"]
                import_images(state, [pause, image])
                made = Kubectl(state, settings)
                made("apply", "-f", "-", text_in=manifests(image.name))
                made("rollout", "status", "deployment/web", "--timeout=90s")
                yield made
        finally:
            down(settings)


def base_archive(settings: LocalSettings) -> BuiltImage:
    buildah = Buildah(settings.cache)
    image = base_image(buildah, settings.cache)
    archive = settings.out / "base.tar"
    buildah.export(image, archive)
    return BuiltImage(image, archive)


def pods(kubectl: Kubectl) -> list[tuple[str, str]]:
    """Name and node of each pod."""
    listed = json.loads(kubectl("get", "pods", "--selector=app=web", "--output=json"))
    return [(pod["metadata"]["name"], pod["spec"]["nodeName"]) for pod in listed["items"]]


def test_pods_are_spread_over_the_nodes(kubectl: Kubectl) -> None:
    nodes = [node for _, node in pods(kubectl)]
    assert sorted(nodes) == ["node-1", "node-1", "node-2", "node-2"]


def test_a_pod_reaches_every_pod_by_the_services_name_itself_included(kubectl: Kubectl) -> None:
    names = sorted(name for name, _ in pods(kubectl))
    answer = kubectl("exec", names[0], "--", "python3", "-c", ASK_THE_SERVICE, "4")
    address, seen = answer.splitlines()
    assert address.startswith("10.")
    assert seen.split() == names


def test_a_name_outside_the_cluster_is_refused(kubectl: Kubectl) -> None:
    ask = "import socket\ntry: socket.gethostbyname('example.com')\nexcept OSError: print('no')"
    name = pods(kubectl)[0][0]
    assert kubectl("exec", name, "--", "python3", "-c", ask).strip() == "no"


def test_the_log_of_a_pod_can_be_read(kubectl: Kubectl) -> None:
    assert "asked" in kubectl("logs", pods(kubectl)[0][0])


def test_a_node_can_be_drained_to_the_other(kubectl: Kubectl) -> None:
    kubectl(
        "patch",
        "deployment",
        "web",
        "--patch",
        '{"spec": {"template": {"spec": {"topologySpreadConstraints": null}}}}',
    )
    kubectl("rollout", "status", "deployment/web", "--timeout=90s")
    kubectl("drain", "node-2", "--ignore-daemonsets", "--timeout=60s")
    kubectl("rollout", "status", "deployment/web", "--timeout=90s")
    running = {node for _, node in pods(kubectl)}
    kubectl("uncordon", "node-2")
    assert running == {"node-1"}
