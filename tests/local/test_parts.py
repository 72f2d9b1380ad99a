"""Each part's command line and configuration, as pure functions of addresses and paths."""

import dataclasses
import json
from pathlib import Path

import pytest
import yaml

from switchboard_local.parts.cni import cni_config_text
from switchboard_local.parts.containerd import ContainerdPaths, containerd_config
from switchboard_local.parts.coredns import corefile
from switchboard_local.parts.etcd import EtcdAddress, etcd_part
from switchboard_local.parts.kube_proxy import kube_proxy_config
from switchboard_local.parts.kubelet import NodeSettings, kubelet_config
from switchboard_local.parts.livekit import LOCAL_KEY, LiveKitAddress, livekit_config
from switchboard_local.parts.redis import redis_part
from switchboard_local.parts.sip import (
    SipSettings,
    livekit_sip_config,
    livekit_sip_part,
    sip_edge_part,
    sip_part,
)
from switchboard_local.pki import write_control_plane_files

ADDRESS = LiveKitAddress(host="10.9.1.2", port=7880, udp_port=7882, tcp_port=7881, interface="sb0")
SIP = SipSettings(
    host="10.9.3.1",
    port=5060,
    livekit_http_url="http://10.9.1.2:7880",
    livekit_ws_url="ws://10.9.1.2:7880",
    keys=LOCAL_KEY,
    redis="10.9.1.2:6379",
)
CONTAINERD = ContainerdPaths(
    root=Path("/data/node-1"), runtime=Path("/run/sb/node-1"), cni_programs=Path("/usr/lib/cni")
)


def test_livekit_uses_ice_lite_so_that_the_first_words_are_heard() -> None:
    config = livekit_config(address=ADDRESS, redis="10.9.1.2:6379", keys=LOCAL_KEY)
    assert config["rtc"]["use_ice_lite"] is True


def test_livekit_names_no_address_outside_the_machine() -> None:
    config = livekit_config(address=ADDRESS, redis="10.9.1.2:6379", keys=LOCAL_KEY)
    assert config["rtc"]["stun_servers"] == ["127.0.0.1:3478"]
    assert config["rtc"]["node_ip"] == "10.9.1.2"
    assert config["rtc"]["use_external_ip"] is False
    assert config["redis"] == {"address": "10.9.1.2:6379"}


def test_livekit_puts_no_bound_on_tracks() -> None:
    config = livekit_config(address=ADDRESS, redis="r:1", keys=LOCAL_KEY)
    assert config["limit"] == {"num_tracks": -1}


def test_the_secret_is_long_enough_for_livekit() -> None:
    assert len(LOCAL_KEY.secret) >= 32


def test_the_secret_is_not_shown_in_a_representation() -> None:
    assert LOCAL_KEY.secret not in repr(LOCAL_KEY)
    assert LOCAL_KEY.secret not in repr(SIP)


def test_the_edge_gets_its_secret_by_environment_and_not_on_its_command_line() -> None:
    part = sip_edge_part(SIP)
    assert part.environment["SWITCHBOARD_LIVEKIT_API_SECRET"] == LOCAL_KEY.secret
    assert not any(LOCAL_KEY.secret in word for word in part.command)


def test_the_edge_is_told_of_redis_over_which_it_is_asked_for_calls() -> None:
    assert sip_edge_part(SIP).environment["SWITCHBOARD_REDIS_URL"] == "redis://10.9.1.2:6379"


def test_the_real_bridge_offers_every_codec_and_refuses_no_load() -> None:
    config = livekit_sip_config(SIP)
    assert config["codecs"] == {"PCMU": True, "PCMA": True, "G722": True}
    assert config["max_cpu_utilization"] == 1.0
    assert config["listen_ip"] == config["nat_1_to_1_ip"] == "10.9.3.1"
    assert config["rtp_port"] == "20000-24000"


def test_the_real_bridge_is_started_with_the_configuration_that_is_written_for_it() -> None:
    part = livekit_sip_part(SIP, program=Path("/opt/livekit-sip"), directory=Path("/run/sb"))
    config = Path("/run/sb/livekit-sip.yaml")
    assert part.command == ("/opt/livekit-sip", "--config", str(config))
    assert yaml.safe_load(part.files[config]) == livekit_sip_config(SIP)
    assert not any(LOCAL_KEY.secret in word for word in part.command)


def test_the_real_bridge_runs_where_there_is_one_and_else_the_stand_in() -> None:
    real = sip_part(SIP, livekit_sip=Path("/opt/livekit-sip"), directory=Path("/run/sb"))
    assert real.name == "livekit-sip"
    assert sip_part(SIP, livekit_sip=None, directory=Path("/run/sb")).name == "sip-edge"


def test_the_edge_is_silent_where_it_is_told_to_be() -> None:
    silent = dataclasses.replace(SIP, drop_unrouted=True)
    assert "--drop-unrouted" in sip_edge_part(silent).command
    assert "--drop-unrouted" not in sip_edge_part(SIP).command


def test_redis_writes_nothing_to_disk() -> None:
    part = redis_part(program=Path("redis-server"), directory=Path("/x"), host="h", port=1)
    assert " --save  --appendonly no" in " ".join(part.command)


def test_a_part_names_the_addresses_it_listens_on() -> None:
    part = etcd_part(
        program=Path("etcd"), data=Path("/d"), address=EtcdAddress("127.0.0.1", 2379, 2380)
    )
    assert part.listens == (("127.0.0.1", 2379), ("127.0.0.1", 2380))


def _kubelet(tmp_path: Path, *, cgroups_v1: bool) -> dict[str, object]:
    node = NodeSettings(
        name="node-1",
        address="10.9.2.1",
        cgroup="/switchboard-1/node-1",
        containerd=CONTAINERD.socket,
        root=Path("/run/node-1"),
        pod_logs=Path("/logs/pods"),
    )
    files = write_control_plane_files(tmp_path, hosts=["10.9.1.2"])
    return kubelet_config(node, files=files, dns="10.9.3.53", cgroups_v1=cgroups_v1)


def test_kubelet_accepts_cgroups_v1_only_where_the_machine_has_them(tmp_path: Path) -> None:
    assert _kubelet(tmp_path, cgroups_v1=True)["failCgroupV1"] is False
    assert "failCgroupV1" not in _kubelet(tmp_path, cgroups_v1=False)


def test_kubelet_never_collects_images_for_no_registry_has_them(tmp_path: Path) -> None:
    assert _kubelet(tmp_path, cgroups_v1=True)["imageGCHighThresholdPercent"] == 100


def test_kubelet_stays_within_the_bundles_cgroup_and_directories(tmp_path: Path) -> None:
    config = _kubelet(tmp_path, cgroups_v1=True)
    assert config["cgroupRoot"] == "/switchboard-1/node-1"
    assert config["podLogsDir"] == "/logs/pods"
    assert config["makeIPTablesUtilChains"] is False


def test_containerd_never_lowers_an_oom_score_nor_needs_apparmor() -> None:
    config = containerd_config(CONTAINERD, runc=Path("/usr/sbin/runc"), snapshotter="overlayfs")
    assert "oom_score = 0" in config
    assert "restrict_oom_score_adj = true" in config
    assert "disable_apparmor = true" in config
    assert 'sandbox_image = "localhost/switchboard-pause:1"' in config


def test_containerd_without_pods_leaves_the_kubernetes_side_out() -> None:
    config = containerd_config(
        CONTAINERD, runc=Path("runc"), snapshotter="overlayfs", with_pods=False
    )
    disabled = next(line for line in config.splitlines() if line.startswith("disabled_plugins"))
    assert "io.containerd.grpc.v1.cri" in disabled


def test_the_pods_network_is_routed_and_within_the_nodes_range() -> None:
    config = json.loads(cni_config_text(pods="10.9.16.0/20", leases=Path("/leases")))
    first, second = config["plugins"]
    assert first["type"] == "ptp"
    assert first["ipam"]["ranges"] == [[{"subnet": "10.9.16.0/20"}]]
    assert second["type"] == "portmap"


def test_kube_proxy_leaves_the_kernels_connection_limits_alone() -> None:
    config = kube_proxy_config(
        host="10.9.1.2", node="node-1", pods="10.9.0.0/17", kubeconfig=Path("/k")
    )
    assert config["conntrack"]["maxPerCore"] == 0
    assert config["conntrack"]["tcpEstablishedTimeout"] == "0s"


def test_a_name_outside_the_cluster_is_refused_without_asking_anybody() -> None:
    text = corefile(host="10.9.3.53", kubeconfig=Path("/k"))
    outside = text[text.index("\n. {") :]
    assert "NXDOMAIN" in outside
    assert "forward" not in text


@pytest.mark.parametrize("name", ["ca.key", "apiserver.key", "admin.token", "tokens.csv"])
def test_private_files_can_be_read_by_their_owner_only(tmp_path: Path, name: str) -> None:
    write_control_plane_files(tmp_path / "pki", hosts=["localhost"])
    assert (tmp_path / "pki" / name).stat().st_mode & 0o077 == 0
