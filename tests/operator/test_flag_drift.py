"""No flag is rendered that the pinned version of its program does not document.

A bump of an image fails here until somebody has written down the flags of the new version and gone
through those that we render.
"""

from pathlib import Path

import pytest
import yaml

from switchboard_operator.desired.models import flags
from switchboard_operator.models.settings import Images
from tests.operator.documented import documented
from tests.support.vllm.__main__ import parser

GOLDEN = Path(__file__).parent / "golden_models"
TABLES = {
    "vllm": (flags.VLLM, documented("vllm", flags.VLLM_VERSION)),
    "triton": (flags.TRITON, documented("tritonserver", flags.TRITON_CHECKED)),
}


def _rendered() -> dict[str, list[str]]:
    """Return the arguments of each program, as the golden files show them."""
    found: dict[str, list[str]] = {"vllm": [], "triton": []}
    for path in sorted(GOLDEN.glob("*.yaml")):
        for obj in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if obj["kind"] == "Deployment":
                for container in obj["spec"]["template"]["spec"]["containers"]:
                    found[container["name"]] += container["args"]
    return found


@pytest.mark.parametrize("program", TABLES)
def test_every_rendered_flag_is_documented_by_the_pinned_version(program: str) -> None:
    _, known = TABLES[program]
    rendered = {flags.flag_of(a) for a in _rendered()[program] if a.startswith("-")}
    assert rendered
    assert rendered - known == set()


@pytest.mark.parametrize("program", TABLES)
def test_the_table_holds_what_is_rendered_and_nothing_else(program: str) -> None:
    table, known = TABLES[program]
    rendered = {flags.flag_of(a) for a in _rendered()[program] if a.startswith("-")}
    assert rendered == {flag.name for flag in table}
    assert {flag.name for flag in table} <= known


def test_a_flag_that_is_not_documented_is_noticed() -> None:
    for _, known in TABLES.values():
        assert "--disable-log-requests" not in known
        assert len(known) > 50


def test_the_default_images_are_those_the_table_was_checked_against() -> None:
    images = Images()
    assert images.vllm.endswith(f":v{flags.VLLM_VERSION}")
    assert images.triton.endswith(f":{flags.TRITON_RELEASE}-py3")


def test_the_stand_in_for_vllm_takes_what_is_rendered() -> None:
    args = [argument for argument in _rendered()["vllm"] if argument.startswith("-")]
    parsed = parser().parse_args(["serve", "some/model", *args])
    assert parsed.port == 8000
