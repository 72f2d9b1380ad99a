"""The keeper: holds the bundle together from outside, and cleans up after it.

It is a process of its own, so that `switchboard local up` can return. The chain of life:
the starter's pipe ends before it said "stay" -> the keeper ends the bundle; the keeper ends ->
the supervisor's pipe ends -> the bundle ends; the bundle ends -> the keeper cleans up and ends.
"""

import contextlib
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from switchboard_local.bundle.addresses import choose_addresses
from switchboard_local.bundle.cgroups import make_cgroups, remove_cgroups
from switchboard_local.bundle.layout import SIP_PORT, BundlePlan, plan_bundle
from switchboard_local.bundle.leftovers import clear_leftovers
from switchboard_local.bundle.messages import Kind, Message, send
from switchboard_local.bundle.network import connect, disconnect, routed_networks
from switchboard_local.errors import BundleError, LocalError
from switchboard_local.kubeconfig import kubeconfig, write_kubeconfig
from switchboard_local.pki import write_control_plane_files
from switchboard_local.settings import LocalSettings
from switchboard_local.state import Mode, SystemState, process_started, write_state
from switchboard_local.tools.locate import locate

INIT_SECONDS = 10.0
"""How long process 1 may take to appear."""

STAY = b"stay\n"
"""What the starter says before it leaves a running system."""


class StoppedError(Exception):
    """Somebody asked for the end."""


def main(nodes: str) -> int:
    """Make a bundle, keep it until its end, clean up; return the exit status."""
    for wanted in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(wanted, _stop)
    settings = LocalSettings.from_environment()
    try:
        with _bundle(settings, int(nodes)) as init:
            return _relay(init)
    except StoppedError:
        return 0
    except LocalError as error:
        send(Message(Kind.FAILED, str(error)))
        return 1


def _stop(_signal: int, _frame: object) -> None:
    raise StoppedError


@contextlib.contextmanager
def _bundle(settings: LocalSettings, nodes: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start process 1 and everything it needs from outside; undo all of it at the end."""
    clear_leftovers(settings)
    ip = locate("ip", settings.cache)
    with contextlib.ExitStack() as undo:
        undo.callback(settings.state_file.unlink, missing_ok=True)
        with _choosing_addresses():
            addresses = choose_addresses(settings.out, routed_networks(ip))
            plan = plan_bundle(settings, addresses, nodes)
            _prepare_files(plan)
            undo.callback(remove_cgroups, plan.bundle)
            make_cgroups(plan.bundle, plan.node_names)
            init = _start_init(plan)
            undo.callback(disconnect, ip, addresses)
            undo.callback(_end, init)
            init_pid = _child_of(init)
            connect(ip, addresses, init_pid)
        write_state(settings.state_file, _state(plan, init_pid))
        _say_network_is_there(init)
        yield init


@contextlib.contextmanager
def _choosing_addresses() -> Iterator[None]:
    """Keep other bundles of the machine from choosing until the choice shows as a route."""
    machine_wide = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(machine_wide, fcntl.LOCK_EX)
        yield
    finally:
        os.close(machine_wide)


def _end(init: subprocess.Popen[bytes]) -> None:
    """Kill process 1 and wait until it is gone, and with it all that lived inside."""
    _ignore_signals()
    with contextlib.suppress(OSError, ValueError, IndexError):
        os.kill(int(_children(init).read_text().split()[0]), signal.SIGKILL)
    try:
        # `unshare` ends when its child has; the child ends when all of its namespace have.
        init.wait(INIT_SECONDS)
    except subprocess.TimeoutExpired:
        init.kill()
        init.wait()


def _children(init: subprocess.Popen[bytes]) -> Path:
    return Path(f"/proc/{init.pid}/task/{init.pid}/children")


def _prepare_files(plan: BundlePlan) -> None:
    for stale in ("run", "pki", "logs"):
        shutil.rmtree(plan.out / stale, ignore_errors=True)
    (plan.out / "logs").mkdir(parents=True, exist_ok=True)
    hosts = [
        *("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost", "127.0.0.1"),
        "kubernetes.default.svc.cluster.local",
        *(plan.addresses.inside, plan.addresses.kubernetes_service),
        *(plan.addresses.node(index) for index in range(1, plan.nodes + 1)),
    ]
    files = write_control_plane_files(plan.pki, hosts=hosts)
    content = kubeconfig(url=plan.api.url, ca=files.ca, token=files.admin_token)
    write_kubeconfig(plan.kubeconfig, content)


def _start_init(plan: BundlePlan) -> subprocess.Popen[bytes]:
    command = [
        *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *(sys.executable, "-m", "switchboard_local.bundle.init", plan.bundle),
        *(str(plan.addresses.number), str(plan.nodes)),
    ]
    with (plan.out / "logs" / "supervisor.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - the command is our own
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )


def _child_of(init: subprocess.Popen[bytes]) -> int:
    """Return process 1 as the machine sees it: the one child of `unshare`."""
    deadline = time.monotonic() + INIT_SECONDS
    while time.monotonic() < deadline and init.poll() is None:
        if pids := _children(init).read_text().split():
            return int(pids[0])
        time.sleep(0.005)
    raise BundleError(
        "namespaces could not be made",
        remedy="the local system with pods needs root and CAP_SYS_ADMIN; without, use --no-pods",
    )


def _state(plan: BundlePlan, init_pid: int) -> SystemState:
    pid = os.getpid()
    return SystemState(
        mode=Mode.PODS,
        keeper_pid=pid,
        keeper_started=process_started(pid) or 0,
        init_pid=init_pid,
        init_started=process_started(init_pid),
        network=str(plan.addresses.network),
        kube_url=plan.api.url,
        kubeconfig=str(plan.kubeconfig),
        kube_ca_file=str(plan.files.ca),
        kube_token_file=str(plan.files.admin_token_file),
        livekit_http_url=plan.livekit.http_url,
        livekit_ws_url=plan.livekit.ws_url,
        livekit_api_key=plan.keys.key,
        livekit_api_secret=plan.keys.secret,
        redis_url=f"redis://{plan.redis}",
        sip_host=plan.addresses.sip,
        sip_port=SIP_PORT,
        sip_kind="livekit-sip" if plan.livekit_sip else "edge",
        nodes=tuple(plan.node_names),
        logs=str(plan.out / "logs"),
    )


def _say_network_is_there(init: subprocess.Popen[bytes]) -> None:
    if init.stdin is None:
        raise BundleError("process 1 has no standard input")
    init.stdin.write(b"network\n")
    init.stdin.flush()


def _relay(init: subprocess.Popen[bytes]) -> int:
    """Pass messages on until the bundle ends, or the starter leaves without a word."""
    if init.stdout is None:
        raise BundleError("process 1 has no standard output")
    watched = selectors.DefaultSelector()
    watched.register(init.stdout, selectors.EVENT_READ, "bundle")
    watched.register(sys.stdin.buffer, selectors.EVENT_READ, "starter")
    pending = b""
    while True:
        for key, _ in watched.select():
            data = os.read(key.fd, 65536)
            if key.data == "starter":
                if data != STAY:
                    raise StoppedError
                watched.unregister(sys.stdin.buffer)
            elif not data:
                return init.wait()
            else:
                pending = _pass_on(pending + data)


def _pass_on(data: bytes) -> bytes:
    *lines, rest = data.split(b"\n")
    for line in lines:
        message = Message.from_line(line)
        if message is not None:
            send(message)
            if message.kind is Kind.FAILED:
                sys.stderr.write(f"{message.text}\n")
    return rest


def _ignore_signals() -> None:
    for unwanted in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(unwanted, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
