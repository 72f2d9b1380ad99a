"""Calls are taken from the countries that a tenant names, and refused before they are answered."""

import phonenumbers
import pytest

from switchboard_agent.admission import RefusalReason
from switchboard_agent.caller_country import caller_of, country_of, may_call
from switchboard_agent.worker.refusal import for_all
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.countries import COUNTRIES
from switchboard_contract.crd.tenant import Quotas
from tests.agent.live.configs import agent_config
from tests.agent.worker.test_call_limits import Desk

ROOM = "sb-smile-dental-reception_{}_Ab3xK"


def test_countries_that_a_tenant_may_name_are_those_that_numbers_can_be_of() -> None:
    assert set(phonenumbers.SUPPORTED_REGIONS) == COUNTRIES


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12025550123", "US"),
        ("+16135550123", "CA"),
        ("+18765551234", "JM"),
        ("12025550123", "US"),
        ("+4930123456", "DE"),
        ("+15550199", "US"),
        ("+80012345678", "001"),
        ("anonymous", ""),
        ("030123456", ""),
        ("", ""),
    ],
)
def test_a_number_is_of_one_country(number: str, country: str) -> None:
    assert country_of(number) == country


@pytest.mark.parametrize(
    ("room", "caller"),
    [
        (ROOM.format("+12025550123"), "+12025550123"),
        (ROOM.format("a_b"), "a_b"),
        ("sb-a-b_Ab3xK", ""),
        ("lobby", ""),
    ],
)
def test_the_caller_stands_in_the_rooms_name(room: str, caller: str) -> None:
    assert caller_of(room) == caller


async def test_without_countries_anybody_may_call() -> None:
    assert await may_call(None, "anonymous")


@pytest.mark.parametrize("caller", ["+4930123456", "anonymous", ""])
async def test_others_are_refused_by_every_worker_and_hold_nothing(caller: str) -> None:
    desk, config = Desk(), _config(countries=("US",), calls=1)
    assert await desk.take(config, "C1", caller) is RefusalReason.COUNTRY
    assert for_all(RefusalReason.COUNTRY)
    assert await desk.take(config, "C2", "+12025550123") is None


def test_a_country_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no such country: XX"):
        Quotas.model_validate({"countries": ["DE", "XX"]})


def _config(*, countries: tuple[str, ...], calls: int) -> AgentConfig:
    changes = {"tenant_countries": countries, "tenant_concurrent_calls": calls}
    return agent_config().model_copy(update=changes)
