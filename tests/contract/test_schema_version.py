"""A schema that differs from a released one bears a higher number, or no operator would see it."""

from switchboard_contract import names
from switchboard_contract.crd.definitions import crds
from switchboard_contract.crd.version import RELEASED, SCHEMA_VERSION, spec_hash


def test_a_changed_schema_has_a_new_number() -> None:
    latest = max(RELEASED)
    now = {crd["spec"]["names"]["plural"]: spec_hash(crd) for crd in crds().values()}
    if now != RELEASED[latest]:
        assert latest + 1 == SCHEMA_VERSION, "raise SCHEMA_VERSION in crd/version.py"


def test_the_number_and_the_hash_stand_on_each_crd() -> None:
    for crd in crds().values():
        annotations = crd["metadata"]["annotations"]
        assert annotations[names.SCHEMA_VERSION_ANNOTATION] == str(SCHEMA_VERSION)
        assert annotations[names.SCHEMA_HASH_ANNOTATION] == spec_hash(crd)
