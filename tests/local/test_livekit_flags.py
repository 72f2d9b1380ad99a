"""livekit-server is told nothing that the pinned version does not document."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from switchboard_local.parts.livekit import (
    LOCAL_KEY,
    LiveKitAddress,
    livekit_config,
    livekit_part,
)
from tests.operator.documented import documented

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = LiveKitAddress("127.0.0.1", port=7880, udp_port=7882, tcp_port=7881, interface="lo")


def _pinned() -> str:
    """Return the version that is built."""
    text = (ROOT / "local/tools/livekit/go.mod").read_text(encoding="utf-8")
    found = re.search(r"github\.com/livekit/livekit-server v(\S+)", text)
    assert found is not None
    return found[1]


def _keys(config: dict[str, Any], way: str = "") -> Iterator[str]:
    """Return the way to each value, as the program spells it."""
    for key, value in config.items():
        if isinstance(value, dict) and way + key != "keys":  # its keys are names of API keys
            yield from _keys(value, f"{way}{key}.")
        else:
            yield way + key


def test_every_key_of_the_configuration_is_documented_by_the_pinned_version() -> None:
    known = documented("livekit-server", _pinned())
    config = livekit_config(address=ADDRESS, redis="127.0.0.1:6379", keys=LOCAL_KEY)
    found = set(_keys(config))
    assert len(found) > 10
    # Lists are left out of its help: for those the last key must stand in its source.
    unknown = {key for key in found if f"--{key}" not in known}
    assert {key for key in unknown if f"key {key.rpartition('.')[2]}" not in known} == set()


def test_every_flag_is_documented_by_the_pinned_version() -> None:
    known = documented("livekit-server", _pinned())
    program = Path("/usr/bin/livekit-server")
    part = livekit_part(
        program=program, directory=Path("/x"), address=ADDRESS, redis="r:1", keys=LOCAL_KEY
    )
    flags = {word.partition("=")[0] for word in part.command if word.startswith("-")}
    assert flags <= known
    assert "--config" in flags


def test_a_key_that_is_not_documented_is_noticed() -> None:
    known = documented("livekit-server", _pinned())
    assert "--rtc.use_ice_light" not in known
    assert "key use_ice_light" not in known
