"""What docs/how-to/existing-cluster.md applies to kind, read by a real API server."""

from pathlib import Path

import pytest
import yaml

from switchboard_local.command import run_command
from switchboard_local.parts.livekit import LOCAL_KEY, LiveKitAddress, livekit_config
from switchboard_local.parts.sip import SipSettings, livekit_sip_config
from switchboard_local.servers import ControlPlane
from switchboard_local.settings import LocalSettings
from switchboard_local.tools.locate import locate

MANIFEST = Path(__file__).resolve().parents[2] / "manifests" / "kind" / "livekit.yaml"


def environment(deployment: str) -> dict[str, str]:
    """Values of a Deployment's variables."""
    found = next(
        one
        for one in yaml.safe_load_all(MANIFEST.read_text())
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", deployment)
    )
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


@pytest.mark.integration
def test_the_api_server_takes_every_object(cluster: ControlPlane) -> None:
    program = str(locate("kubectl", LocalSettings.from_environment().cache))
    kubectl = (program, f"--kubeconfig={cluster.kubeconfig_path}")
    run_command([*kubectl, "create", "namespace", "livekit"])
    strictly = ("--dry-run=server", "--validate=strict", f"--filename={MANIFEST}")
    said = run_command([*kubectl, "apply", *strictly])
    run_command([*kubectl, "delete", "namespace", "livekit", "--wait=false"])
    assert "deployment.apps/livekit-sip created" in said


def test_livekit_gets_the_settings_that_the_local_system_has_too() -> None:
    config = yaml.safe_load(environment("livekit")["LIVEKIT_CONFIG"])
    address = LiveKitAddress("10.0.0.1", 7880, 7882, 7881, "eth0")
    local = livekit_config(address=address, redis="", keys=LOCAL_KEY)
    assert config["port"] == local["port"]
    assert config["rtc"].items() <= local["rtc"].items()


def test_the_bridge_offers_the_nodes_address_and_every_codec() -> None:
    config = yaml.safe_load(environment("livekit-sip")["SIP_CONFIG_BODY"])
    settings = SipSettings("10.0.0.1", 5060, "http://l", "ws://l", LOCAL_KEY, "r:6379")
    local = livekit_sip_config(settings)
    assert set(config) <= set(local)
    assert config["listen_ip"] == config["nat_1_to_1_ip"] == "$(NODE_IP)"
    assert config["codecs"] == local["codecs"]
