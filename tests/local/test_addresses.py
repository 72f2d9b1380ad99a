"""Address ranges of bundles: everybody's own, and never one the machine already routes."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_local.bundle.addresses import (
    BundleAddresses,
    bundle_id,
    choose_addresses,
)
from switchboard_local.bundle.network import inside_commands, outside_commands
from switchboard_local.errors import BundleError

OUT = Path("/home/dev/switchboard/out/local")
NUMBERS = st.integers(64, 127)


def test_a_bundle_gets_the_same_range_every_time() -> None:
    assert choose_addresses(OUT, []) == choose_addresses(OUT, [])


def test_a_range_that_is_routed_already_is_left_alone() -> None:
    first = choose_addresses(OUT, [])
    second = choose_addresses(OUT, [first.network])
    assert not second.network.overlaps(first.network)


@given(st.sets(NUMBERS, max_size=63))
def test_any_free_range_is_found(taken: set[int]) -> None:
    networks = [BundleAddresses(number).network for number in taken]
    assert choose_addresses(OUT, networks).number not in taken


def test_a_route_to_all_of_10_is_an_error_with_a_remedy() -> None:
    with pytest.raises(BundleError, match="VPN"):
        choose_addresses(OUT, [ipaddress.IPv4Network("10.0.0.0/8")])


@given(NUMBERS)
def test_no_two_uses_of_a_bundle_share_an_address(number: int) -> None:
    bundle = BundleAddresses(number)
    singles = [bundle.outside, bundle.inside, *bundle.on_loopback(3)]
    assert len(set(singles)) == len(singles)
    pods = [ipaddress.IPv4Network(bundle.pods(index)) for index in (1, 2, 3)]
    ranges = [*pods, ipaddress.IPv4Network(bundle.services)]
    for position, one in enumerate(ranges):
        assert one.subnet_of(bundle.network)
        assert not any(one.overlaps(other) for other in ranges[position + 1 :])
        assert not any(ipaddress.IPv4Address(single) in one for single in singles)


@given(NUMBERS)
def test_an_interface_name_fits_the_kernels_fifteen_characters(number: int) -> None:
    assert len(BundleAddresses(number).interface) <= 15


def test_two_bundles_have_two_names() -> None:
    assert bundle_id(Path("/a")) != bundle_id(Path("/b"))


def test_the_bundle_has_a_default_route_for_its_services() -> None:
    assert "route add default via 10.70.1.1" in inside_commands(BundleAddresses(70), 1)


def test_the_machine_reaches_the_whole_range_through_one_route() -> None:
    assert outside_commands(BundleAddresses(70), 42)[-1] == "route add 10.70.0.0/16 via 10.70.1.2"
