"""What a caller says and keys, when, and what must come of it: data, read from TOML.

SIPp plays one sound file per call, so a script fixes the offset of each utterance from the answer
and leaves room for the agent's replies. A caller that can listen (`reactive`) uses the same scripts
and ignores the offsets.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from switchboard_loadtest.errors import CallerScriptError
from switchboard_loadtest.sip_scenario import Ending

CALLERS = Path(__file__).parent / "callers"
"""Scripts that come with the package."""

MAX_CALL_MS = 600_000


@dataclass(frozen=True, slots=True)
class Says:
    """One utterance."""

    at_ms: int
    """Planned start, from the answer."""
    text: str = ""
    """Words only, as the recogniser would write them. Empty where `keys` are pressed instead."""
    barge_in: bool = False
    """Spoken while the agent speaks, to interrupt it."""
    keys: str = ""
    """DTMF digits pressed instead of words (RFC 4733)."""
    answered: bool = True
    """Whether the agent has to reply; a last goodbye may be answered by hanging up."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the call must lead to, as its `CallEnded` event tells it."""

    outcomes: tuple[str, ...] = ()
    """Outcomes that are right; empty: any."""
    result: str = ""
    """Flow that has to be completed; empty: none asked for."""
    slots: Mapping[str, str] = field(default_factory=dict)
    """Slots that have to stand in the booking, with these values."""


@dataclass(frozen=True, slots=True)
class CallerScript:
    """One kind of caller."""

    name: str
    hang_up_ms: int
    """The caller hangs up then, if the agent has not."""
    says: tuple[Says, ...] = ()
    noise_dbfs: float | None = None
    """Level of loud noise instead of speech; None: speech over comfort noise."""
    ending: Ending = Ending.SPEAK
    """What the caller does with the call; `hang_up_ms` is how long it rings for CANCEL."""
    sends_rtp: bool = True
    """Whether any sound is sent at all."""
    number: str = ""
    """Number dialled instead of the target's: nobody's, for instance."""
    expected: Expected = field(default_factory=Expected)

    @property
    def said(self) -> list[str]:
        """Spoken texts in order."""
        return [one.text for one in self.says if one.text]


def parse(text: str, name: str) -> CallerScript:
    """Read a script from TOML."""
    try:
        data = tomllib.loads(text)
        script = CallerScript(
            name=name,
            hang_up_ms=int(data["hang_up_ms"]),
            says=tuple(Says(**entry) for entry in data.get("says", [])),
            noise_dbfs=data.get("noise_dbfs"),
            ending=Ending(data.get("ending", Ending.SPEAK)),
            sends_rtp=bool(data.get("sends_rtp", True)),
            number=str(data.get("number", "")),
            expected=_expected(data.get("expected", {})),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise CallerScriptError(
            f"caller script {name} cannot be read ({error})", "compare it with callers/booking.toml"
        ) from error
    _check(script)
    return script


def load(name_or_path: str) -> CallerScript:
    """A script by the name of a packaged one, or by path."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = CALLERS / f"{name_or_path}.toml"
    if not path.is_file():
        raise CallerScriptError(
            f"there is no caller script {name_or_path}",
            f"use one of {', '.join(names())}, or a path",
        )
    return parse(path.read_text(encoding="utf-8"), path.stem)


def names() -> list[str]:
    """Packaged scripts."""
    return sorted(path.stem for path in CALLERS.glob("*.toml"))


def _expected(data: dict[str, Any]) -> Expected:
    return Expected(
        outcomes=tuple(data.get("outcomes", ())),
        result=data.get("result", ""),
        slots={key: str(value) for key, value in data.get("slots", {}).items()},
    )


def _check(script: CallerScript) -> None:
    if not 0 < script.hang_up_ms <= MAX_CALL_MS:
        raise CallerScriptError(
            f"caller script {script.name}: hang_up_ms is {script.hang_up_ms}",
            f"use 1 to {MAX_CALL_MS} milliseconds",
        )
    starts = [one.at_ms for one in script.says]
    if starts != sorted(starts) or any(not 0 <= at < script.hang_up_ms for at in starts):
        raise CallerScriptError(
            f"caller script {script.name}: utterances are out of order or after the hang-up",
            "sort them by at_ms and raise hang_up_ms",
        )
    for one in script.says:
        if bool(one.text) == bool(one.keys):
            raise CallerScriptError(
                f"caller script {script.name}: entry at {one.at_ms} ms needs text or keys",
                "give exactly one of the two",
            )
