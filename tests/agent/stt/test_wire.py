import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.stt.wire import (
    MAX_BODY_BYTES,
    Kind,
    Message,
    Parser,
    WireError,
    pack_parts,
    unpack_parts,
)

_MESSAGES = st.lists(
    st.builds(
        Message,
        st.sampled_from(Kind),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=100),
    ),
    max_size=6,
)


@given(_MESSAGES, st.integers(1, 40))
def test_messages_survive_any_cutting_of_the_stream(messages: list[Message], cut: int) -> None:
    stream = b"".join(message.encode() for message in messages)
    parser = Parser()
    got = [m for at in range(0, len(stream), cut) for m in parser.feed(stream[at : at + cut])]
    assert got == messages


@given(st.binary(max_size=200))
def test_garbage_raises_only_the_documented_error(garbage: bytes) -> None:
    try:
        list(Parser().feed(garbage))
    except WireError as error:
        assert str(error)  # noqa: PT017  garbage may also be the beginning of a message


def test_a_length_out_of_bounds_is_refused_before_memory_is_taken() -> None:
    header = bytes([Kind.AUDIO]) + (1).to_bytes(4, "big") + (MAX_BODY_BYTES + 1).to_bytes(4, "big")
    with pytest.raises(WireError, match="message of"):
        list(Parser().feed(header))


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_two_parts_share_a_body(first: bytes, second: bytes) -> None:
    assert unpack_parts(pack_parts(first, second)) == (first, second)
