from pathlib import Path

import pytest

from switchboard_loadtest import sipp
from switchboard_loadtest.errors import SippError, ToolMissingError
from switchboard_loadtest.sip_scenario import Plan
from switchboard_loadtest.sipp import Caller, Job, Ports, Target
from switchboard_media.codec import G722


def _job(folder: Path, *, user: str = "", rate: float = 2.5) -> Job:
    return Job(
        target=Target("192.0.2.2", 5060, "+15550100", user, "secret"),
        plan=Plan(G722),
        callers=(Caller("+15551000001", 4000), Caller("+15551000002", 4002)),
        calls_per_second=rate,
        local_ip="192.0.2.1",
        ports=Ports(5070, 6000),
        folder=folder,
    )


def _option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_each_call_has_its_own_number_and_ear(tmp_path: Path) -> None:
    sipp.write_files(_job(tmp_path / "new"))
    rows = (tmp_path / "new/callers.csv").read_text()
    assert rows == "SEQUENTIAL\n+15551000001;4000\n+15551000002;4002\n"


def test_all_calls_may_be_up_at_once_at_a_rate_that_may_be_a_fraction(tmp_path: Path) -> None:
    command = sipp.command(_job(tmp_path), "sipp")
    assert (_option(command, "-m"), _option(command, "-l")) == ("2", "2")
    assert (_option(command, "-r"), _option(command, "-rp")) == ("25", "10000")
    assert "-nostdin" in command


def test_credentials_are_given_only_where_there_are_some(tmp_path: Path) -> None:
    assert "-ap" not in sipp.command(_job(tmp_path), "sipp")
    assert _option(sipp.command(_job(tmp_path, user="someone"), "sipp"), "-au") == "someone"


async def test_a_missing_sipp_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="sip-tester"):
        await sipp.run(_job(tmp_path))


async def test_a_sipp_that_breaks_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "sipp"
    program.write_text("#!/bin/sh\necho port is taken\nexit 254\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(SippError, match="port is taken"):
        await sipp.run(_job(tmp_path / "run"))


def test_free_ports_are_an_even_one_for_sound_and_another_for_sip() -> None:
    ports = sipp.free_ports("127.0.0.1")
    assert ports.rtp % 2 == 0
    assert ports.sip != ports.rtp
