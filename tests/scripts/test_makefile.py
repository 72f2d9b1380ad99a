"""Every way in is listed, and sets up what it needs and no more."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    listed = {line.split()[1] for line in make("help").splitlines()}
    assert listed == set(phony[1].split())


@pytest.mark.parametrize(
    ("environment", "set_up"),
    [
        ({}, "scripts/bootstrap all"),
        ({"SWITCHBOARD_CLUSTER": "current"}, "scripts/bootstrap calls"),
    ],
    ids=["its own system", "a cluster that is there"],
)
def test_the_demo_sets_up_what_its_system_needs(environment: dict[str, str], set_up: str) -> None:
    commands = make("--dry-run", "demo", **environment).splitlines()
    assert [line for line in commands if line.startswith("scripts/")] == [set_up]


def test_tests_set_up_what_they_need() -> None:
    commands = make("--dry-run", "test").splitlines()
    assert commands == ["scripts/bootstrap tests", "scripts/run_tests"]


def test_the_demos_options_reach_it() -> None:
    options = ("TARGET=192.0.2.1:5060", "REDIS=redis://192.0.2.1", "SIP=livekit-sip")
    (demo,) = [
        line for line in make("--dry-run", "demo", *options).splitlines() if "switchboard " in line
    ]
    assert demo.endswith("demo --target 192.0.2.1:5060 --redis redis://192.0.2.1 --sip livekit-sip")
