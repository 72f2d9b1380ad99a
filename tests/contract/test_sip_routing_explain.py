"""`switchboard explain call` on a file: what it says and how it exits."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switchboard_cli.explain import app

TABLES = {
    "trunks": [
        {
            "sipTrunkId": "ST_a",
            "name": "dentist",
            "numbers": ["+15550100"],
            "allowedAddresses": ["10.0.0.0/8"],
            "authUsername": "carrier",
            "authPassword": "hush",
        }
    ],
    "rules": [
        {
            "sipDispatchRuleId": "SDR_a",
            "rule": {"dispatchRuleIndividual": {"roomPrefix": "sb-dentist"}},
            "trunkIds": ["ST_a"],
            "roomConfig": {"agents": [{"agentName": "smile-dental.desk"}]},
        }
    ],
}


def _explain(tmp_path: Path, *options: str, tables: object = TABLES) -> Result:
    file = tmp_path / "tables.json"
    file.write_text(json.dumps(tables))
    arguments = ["call", "--file", str(file), "--from", "+15550199", *options]
    return CliRunner().invoke(app, arguments)


def test_a_call_that_is_taken_names_trunk_rule_and_agents(tmp_path: Path) -> None:
    result = _explain(tmp_path, "--to", "+15550100", "--source-ip", "10.0.0.9")
    assert result.exit_code == 0
    assert result.output == (
        "Taken.\n"
        "  trunk   ST_a dentist\n"
        "  rule    SDR_a\n"
        "  room    individual sb-dentist\n"
        "  agents  smile-dental.desk\n"
        "  digest  the caller must authenticate (407)\n"
        "\n"
        "Looked at:\n"
        "  + trunk ST_a (dentist): holds '+15550100'\n"
        "  + rule SDR_a: names the trunk; priority 2101: it wins\n"
    )


def test_a_call_that_is_refused_exits_with_1_and_says_the_remedy(tmp_path: Path) -> None:
    result = _explain(tmp_path, "--to", "+15550100", "--source-ip", "192.0.2.1")
    assert result.exit_code == 1
    assert "source-not-allowed (SIP 403" in result.output
    assert "allowedAddresses" in result.output


@pytest.mark.parametrize(("to", "code"), [("+15550100", 0), ("+15550101", 1)])
def test_json_says_the_same_without_secrets(tmp_path: Path, to: str, code: int) -> None:
    result = _explain(tmp_path, "--to", to, "--json")
    assert result.exit_code == code
    decision = json.loads(result.output)
    assert decision["taken"] is (code == 0)
    assert {check["id"] for check in decision["checks"]} == {"ST_a", "SDR_a"}
    assert "hush" not in result.output


def test_fail_open_is_a_warning(tmp_path: Path) -> None:
    rule = {"sipDispatchRuleId": "SDR_x", "rule": {"dispatchRuleDirect": {"roomName": "lobby"}}}
    result = _explain(tmp_path, "--to", "+1", tables={"trunks": [], "rules": [rule]})
    assert result.exit_code == 0
    assert "WARNING no trunk vouches for this caller" in result.output


@pytest.mark.parametrize("tables", [[], {"trunks": []}, {"trunks": [{}], "rules": [{}]}, 7])
def test_a_file_of_another_shape_is_named(tmp_path: Path, tables: object) -> None:
    result = _explain(tmp_path, "--to", "+1", tables=tables)
    assert result.exit_code == 1
    assert "must hold" in result.output


def test_without_a_server_it_says_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, ["call", "--to", "+1", "--from", "+2"])
    assert result.exit_code == 2
    assert "switchboard local up" in result.output
