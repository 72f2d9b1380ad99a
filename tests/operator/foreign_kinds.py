"""Kinds of others that we write, installed as far as we write them: other fields are refused."""

import yaml

from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import Kind
from switchboard_operator.kube.objects import Object
from tests.operator.system import CRD, ROOT, System, until

FOREIGN = sorted((ROOT / "tests" / "operator" / "foreign").glob("*.yaml"))
DEFINITIONS = Kind(CRD.group, CRD.version, CRD.kind, CRD.plural, namespaced=False)


async def install_foreign(system: System) -> None:
    """Install the kinds of others that we write, as far as we write them."""
    for path in FOREIGN:
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
        try:
            await system.kube.create(DEFINITIONS, definition)
        except KubeApiError as error:
            if error.api_reason != "AlreadyExists":
                raise
        await until_served(system, definition)


async def until_served(system: System, definition: Object) -> None:
    """Wait until objects of a definition can be made."""
    spec = definition["spec"]
    version, plural = spec["versions"][0]["name"], spec["names"]["plural"]
    kind = Kind(spec["group"], version, spec["names"]["kind"], plural)

    async def served() -> bool:
        try:
            await system.kube.page(kind, {"limit": "1"})
        except KubeApiError:
            return False
        return True

    await until(served, f"{plural} are served")
