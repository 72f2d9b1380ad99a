"""`switchboard explain call`: which trunk and rule a call would take, and why, without calling.

LiveKit drops a call that fits no rule without a word to anyone; this makes the same decision on the
trunks and rules that LiveKit holds (or on a file) and prints what it looked at.
"""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import click

from switchboard_contract.sip_routing import (
    DispatchRule,
    InboundTrunk,
    Invite,
    Refusal,
    Route,
    WireError,
    route,
    rule_from_json,
    trunk_from_json,
)

_TIMEOUT_S = 10.0

Tables = tuple[list[InboundTrunk], list[DispatchRule]]


@click.group()
def app() -> None:
    """Say which trunk and rule a call would take, and why."""


@app.command()
@click.option("--to", "called", required=True, help="Called number, as the INVITE's To has it.")
@click.option("--from", "caller", required=True, help="Calling number, as From has it.")
@click.option("--source-ip", default="", help="Address the INVITE comes from; empty passes all.")
@click.option("--from-host", default="", help="Host part of From.")
@click.option("--pin", default=None, help="PIN that the caller keyed; empty for none.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON with "trunks" and "rules" (LiveKit\'s list answers) instead of a server.',
)
@click.option("--url", envvar="LIVEKIT_URL", help="LiveKit's HTTP address.")
@click.option("--api-key", envvar="LIVEKIT_API_KEY", help="LiveKit API key.")
@click.option("--api-secret", envvar="LIVEKIT_API_SECRET", help="LiveKit API secret.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def call(
    *,
    called: str,
    caller: str,
    source_ip: str,
    from_host: str,
    pin: str | None,
    file: Path | None,
    url: str | None,
    api_key: str | None,
    api_secret: str | None,
    as_json: bool,
) -> None:
    """Explain one call. Exit code 1 when no rule takes it."""
    if file is not None:
        trunks, rules = _from_file(file)
    else:
        trunks, rules = _from_livekit(*_credentials(url, api_key, api_secret))
    decision = route(trunks, rules, Invite(called, caller, source_ip, from_host), pin=pin)
    click.echo(json.dumps(as_dict(decision), indent=2) if as_json else as_text(decision))
    if isinstance(decision, Refusal):
        raise SystemExit(1)


def as_dict(decision: Route | Refusal) -> dict[str, object]:
    """Put the decision into plain values; no credential and no PIN is among them."""
    checks = [asdict(check) for check in decision.explanation]
    if isinstance(decision, Refusal):
        return {
            "taken": False,
            "sip_status": decision.sip_status,
            "reason": decision.reason.value,
            "text": decision.text,
            "remedy": decision.remedy,
            "checks": checks,
        }
    trunk = decision.trunk
    return {
        "taken": True,
        "trunk": trunk.id if trunk else None,
        "rule": decision.rule.id,
        "room": decision.rule.room,
        "agents": list(decision.rule.agents),
        "digest": bool(trunk and trunk.auth_username and trunk.auth_password),
        "pin_required": decision.pin_required,
        "fail_open": decision.fail_open,
        "checks": checks,
    }


def as_text(decision: Route | Refusal) -> str:
    """Write the decision for a person: the answer first, then everything looked at."""
    lines = _refused(decision) if isinstance(decision, Refusal) else _taken(decision)
    if decision.explanation:
        lines += ["", "Looked at:"]
    for check in decision.explanation:
        name = f" ({check.name})" if check.name else ""
        mark = "+" if check.passed else "-"
        lines.append(f"  {mark} {check.subject} {check.id}{name}: {check.because}")
    return "\n".join(lines)


def _refused(refusal: Refusal) -> list[str]:
    return [
        f"Refused: {refusal.text}.",
        f"  reason  {refusal.reason.value} (SIP {refusal.sip_status}; livekit-sip may stay silent)",
        f"  remedy  {refusal.remedy}",
    ]


def _taken(taken: Route) -> list[str]:
    trunk, rule = taken.trunk, taken.rule
    lines = [
        "Taken.",
        f"  trunk   {trunk.id} {trunk.name}".rstrip() if trunk else "  trunk   none",
        f"  rule    {rule.id} {rule.name}".rstrip(),
        f"  room    {rule.kind.value} {rule.room}".rstrip(),
        f"  agents  {', '.join(rule.agents) or 'none named: automatic dispatch only'}",
    ]
    if trunk and trunk.auth_username and trunk.auth_password:
        lines.append("  digest  the caller must authenticate (407)")
    if taken.pin_required:
        lines.append("  pin     the caller must key a PIN")
    if taken.fail_open:
        lines.append(
            "  WARNING no trunk vouches for this caller: the rule has no trunk_ids and so takes "
            "anyone, unchecked"
        )
    return lines


def _credentials(
    url: str | None, api_key: str | None, api_secret: str | None
) -> tuple[str, str, str]:
    """Take options and environment first, then the local system that is up."""
    # Imported here: with --file or --url nothing of the local system is needed.
    from switchboard_local.settings import LocalSettings  # noqa: PLC0415 - see above
    from switchboard_local.state import read_state  # noqa: PLC0415 - see above

    state_file = LocalSettings.from_environment().state_file
    state = read_state(state_file)
    values = (
        url or (state.livekit_http_url if state else ""),
        api_key or (state.livekit_api_key if state else ""),
        api_secret or (state.livekit_api_secret if state else ""),
    )
    if not all(values):
        raise click.UsageError(
            "no LiveKit to ask: give --url, --api-key and --api-secret (or LIVEKIT_URL, "
            f"LIVEKIT_API_KEY, LIVEKIT_API_SECRET), or --file, or run `switchboard local up` "
            f"(nothing runs by {state_file})"
        )
    return values


def _from_livekit(url: str, api_key: str, api_secret: str) -> Tables:
    # Imported here: with --file no LiveKit client needs to be installed.
    from aiohttp import ClientError  # noqa: PLC0415 - see above
    from livekit.api import TwirpError  # noqa: PLC0415 - see above

    from switchboard_local.sip_edge.livekit_tables import read_tables  # noqa: PLC0415 - see above

    http_url = url.replace("ws://", "http://", 1).replace("wss://", "https://", 1)
    try:
        return asyncio.run(read_tables(http_url, api_key, api_secret, timeout_s=_TIMEOUT_S))
    except (ClientError, OSError, TimeoutError, TwirpError, WireError) as error:
        raise click.ClickException(
            f"cannot read trunks and rules from LiveKit at {http_url}: {error!r}"
        ) from error


def _from_file(file: Path) -> Tables:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        trunks, rules = data["trunks"], data["rules"]
        return [trunk_from_json(item) for item in trunks], [rule_from_json(item) for item in rules]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise click.ClickException(
            f'{file} must hold {{"trunks": [...], "rules": [...]}} with LiveKit\'s objects: {error}'
        ) from error
