"""Charts refuse API servers that cannot check the resources' rules."""

import pytest

from tests.operator.system import render_chart

pytestmark = pytest.mark.integration


async def test_an_api_server_older_than_the_rules_is_refused() -> None:
    status, output = await render_chart("--kube-version=1.30.9")
    assert status != 0
    assert ">=1.31.0-0" in output
    status, output = await render_chart("--kube-version=1.31.0")
    assert status == 0, output
