"""Kubeconfig files: which cluster, as whom, in which namespace.

The rules are kubectl's: `--kubeconfig`, else the files of KUBECONFIG (the first that says something
wins), else ~/.kube/config, else the service account of the pod. Credential plugins (`exec`, which
managed clusters use) are run; the old `auth-provider` is not.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kopf
import yaml

from switchboard_operator.settings import SERVICE_ACCOUNT

Login = Callable[[], kopf.ConnectionInfo]
_EXEC_SECONDS = 60


class AccessError(Exception):
    """The cluster cannot be reached as asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One cluster or user, and the folder that its relative paths start from."""

    content: Mapping[str, Any]
    folder: Path

    def path(self, name: str) -> str | None:
        """Return a path of the entry, made absolute; None if it has none."""
        value = self.content.get(name)
        return str(self.folder / value) if value else None


@dataclass(slots=True)
class Merged:
    """All files as one."""

    current: str = ""
    contexts: dict[str, Entry] = field(default_factory=dict)
    clusters: dict[str, Entry] = field(default_factory=dict)
    users: dict[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """Where commands go."""

    login: Login
    namespace: str
    context: str
    server: str


def find_target(
    path: str | None, context: str | None, environment: Mapping[str, str] | None = None
) -> Target:
    """Return the cluster that flags, environment and files choose. Raises AccessError."""
    env = os.environ if environment is None else environment
    files = _files(path, env)
    if not files:
        return _of_pod(env)
    merged = Merged()
    for file in files:
        _merge(merged, file)
    return _target(merged, context or merged.current, files)


def _files(path: str | None, env: Mapping[str, str]) -> list[Path]:
    if path:
        return [Path(path).expanduser()]
    if listed := env.get("KUBECONFIG"):
        found = [Path(part.strip()).expanduser() for part in listed.split(os.pathsep)]
        there = [file for file in found if file.is_file()]
        if not there:
            raise AccessError(f"KUBECONFIG names no file that exists: {listed}")
        return there
    default = Path(env.get("HOME", "~")).expanduser() / ".kube" / "config"
    return [default] if default.is_file() else []


def _merge(merged: Merged, file: Path) -> None:
    try:
        content = yaml.safe_load(file.read_text("utf-8")) or {}
        merged.current = merged.current or str(content.get("current-context") or "")
        kinds = {
            "context": merged.contexts,
            "cluster": merged.clusters,
            "user": merged.users,
        }
        for kind, entries in kinds.items():
            for item in content.get(f"{kind}s") or []:
                entries.setdefault(item["name"], Entry(item.get(kind) or {}, file.parent))
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(f"kubeconfig {file} cannot be read: {error}") from error
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise AccessError(f"{file} is no kubeconfig: {error!r}") from error


def _target(merged: Merged, name: str, files: list[Path]) -> Target:
    where = ", ".join(map(str, files))
    if not name:
        raise AccessError(
            f"{where}: no current-context; give --context or run "
            "'kubectl config use-context <name>'"
        )
    chosen = merged.contexts.get(name)
    if chosen is None:
        known = ", ".join(sorted(merged.contexts)) or "none"
        raise AccessError(f"{where}: there is no context {name}; known: {known}")
    cluster = merged.clusters.get(str(chosen.content.get("cluster")))
    user = merged.users.get(str(chosen.content.get("user")), Entry({}, Path()))
    if cluster is None or not cluster.content.get("server"):
        raise AccessError(f"{where}: context {name} names no cluster with a server")
    return Target(
        login=lambda: _connection(cluster, user),
        namespace=str(chosen.content.get("namespace") or "default"),
        context=name,
        server=str(cluster.content["server"]),
    )


def _connection(cluster: Entry, user: Entry) -> kopf.ConnectionInfo:
    login = user.content
    status = _run_plugin(login["exec"], user.folder) if login.get("exec") else {}
    token_file = user.path("tokenFile")
    token = login.get("token") or (_read(token_file) if token_file else None)
    return kopf.ConnectionInfo(
        server=str(cluster.content["server"]),
        ca_path=cluster.path("certificate-authority"),
        ca_data=cluster.content.get("certificate-authority-data"),
        insecure=cluster.content.get("insecure-skip-tls-verify"),
        certificate_path=user.path("client-certificate"),
        certificate_data=login.get("client-certificate-data")
        or status.get("clientCertificateData"),
        private_key_path=user.path("client-key"),
        private_key_data=login.get("client-key-data") or status.get("clientKeyData"),
        username=login.get("username"),
        password=login.get("password"),
        token=status.get("token") or token,
    )


def _run_plugin(plugin: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Ask a credential plugin (client.authentication.k8s.io) for a token or a certificate."""
    command = str(plugin.get("command", ""))
    if "/" in command:
        command = str(folder / command)
    extra = {item["name"]: item["value"] for item in plugin.get("env") or []}
    request = {
        "apiVersion": plugin.get("apiVersion", "client.authentication.k8s.io/v1"),
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }
    env = {**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(request)}
    try:
        done = subprocess.run(  # noqa: S603  the user's own kubeconfig names it, as for kubectl
            [command, *(plugin.get("args") or [])],
            env=env,
            capture_output=True,
            check=True,
            timeout=_EXEC_SECONDS,
        )
        status = json.loads(done.stdout)["status"]
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[-300:]
        raise AccessError(f"credential plugin {command} failed: {said}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        hint = plugin.get("installHint") or "install it or correct users[].exec in the kubeconfig"
        raise AccessError(f"credential plugin {command}: {error}; {hint}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise AccessError(f"credential plugin {command} gave no ExecCredential") from error
    return status if isinstance(status, dict) else {}


def _of_pod(env: Mapping[str, str]) -> Target:
    host = env.get("KUBERNETES_SERVICE_HOST")
    if not host:
        raise AccessError(
            "no cluster: there is no ~/.kube/config; give --kubeconfig or set KUBECONFIG "
            "(`switchboard local up` prints that of the local system)"
        )
    server = f"https://{host}:{env.get('KUBERNETES_SERVICE_PORT') or '443'}"

    def login() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=server,
            ca_path=str(SERVICE_ACCOUNT / "ca.crt"),
            token=_read(str(SERVICE_ACCOUNT / "token")),
        )

    return Target(login, _read(str(SERVICE_ACCOUNT / "namespace")), "in-cluster", server)


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise AccessError(f"{path} cannot be read: {error.strerror}") from error
