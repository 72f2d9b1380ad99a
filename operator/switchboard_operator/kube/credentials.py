"""Where the API server is and how to speak to it: one answer for kopf and for our own client.

Inside a cluster: the service account, whose token is rotated hourly, so it is read again whenever
the API server says 401. Outside: a kubeconfig.
"""

from collections.abc import Callable

import kopf

from switchboard_operator.errors import SettingsError
from switchboard_operator.settings import Settings

Login = Callable[[], kopf.ConnectionInfo]


def make_login(settings: Settings) -> Login:
    """Return a function that reads the current credentials."""
    if settings.kubeconfig:
        return _from_kubeconfig
    if settings.kubernetes_host:
        return lambda: _from_service_account(settings)
    raise SettingsError(
        "no API server: neither KUBECONFIG nor KUBERNETES_SERVICE_HOST is set; "
        "run inside a pod or set KUBECONFIG"
    )


def _from_kubeconfig() -> kopf.ConnectionInfo:
    info = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
    if info is None:
        raise SettingsError("KUBECONFIG names no usable file")
    return info


def _from_service_account(settings: Settings) -> kopf.ConnectionInfo:
    directory = settings.service_account
    return kopf.ConnectionInfo(
        server=f"https://{settings.kubernetes_host}",
        ca_path=str(directory / "ca.crt"),
        token=(directory / "token").read_text(encoding="utf-8").strip(),
    )
