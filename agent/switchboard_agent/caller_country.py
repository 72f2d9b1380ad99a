"""Which country a caller's number is of, and whether calls from there are taken.

Asked before the call is promised, so a refused caller hears busy and no room is joined. In LiveKit
the number stands in the room's name, made of the rule's prefix, the caller and a random part.
"""

import asyncio

import phonenumbers

from switchboard_contract.sip_routing import normalize_number


def caller_of(room: str) -> str:
    """Return the caller's number as SIP sent it; empty where the room's name has none.

    Prefixes of ours have no "_"; what a caller sends may have some.
    """
    _, _, rest = room.partition("_")
    return rest.rpartition("_")[0]


def country_of(number: str) -> str:
    """Return the ISO 3166-1 alpha-2 code of a number in E.164 form; empty if it is of none.

    What fits no numbering plan counts for the first country of its calling code.
    """
    try:
        parsed = phonenumbers.parse(normalize_number(number))
    except phonenumbers.NumberParseException:
        return ""
    exact = phonenumbers.region_code_for_number(parsed)
    return str(exact or phonenumbers.region_code_for_country_code(parsed.country_code or 0))


async def may_call(countries: tuple[str, ...] | None, caller: str) -> bool:
    """Tell whether a number is of one of the countries.

    In a thread: the first number of a calling code reads its tables, which takes tens of ms.
    """
    if countries is None:
        return True
    return await asyncio.to_thread(country_of, caller) in countries
