"""Chunks of the wire are read, and what is none is told apart."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.llm.base import Failure, LanguageModelError, Message, Role, Usage
from switchboard_agent.llm.chat import Chunk, read, request


@pytest.mark.parametrize(
    ("data", "chunk"),
    [
        (b'{"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}', Chunk("Hi")),
        (b'{"choices":[{"delta":{"role":"assistant","content":null}}]}', Chunk()),
        (b'{"choices":[{"delta":{},"finish_reason":"stop"}]}', Chunk(finished=True)),
        (
            b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}',
            Chunk(usage=Usage(7, 3)),
        ),
    ],
)
def test_a_chunk_is_read(data: bytes, chunk: Chunk) -> None:
    assert read(data) == chunk


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"<oops>", Failure.GARBAGE),
        (b"\xff", Failure.GARBAGE),
        (b"[]", Failure.GARBAGE),
        (b"{}", Failure.GARBAGE),
        (b'{"choices":[{"delta":{"content":7}}]}', Failure.GARBAGE),
        (b'{"choices":[3]}', Failure.GARBAGE),
        (b'{"choices":[],"usage":{"prompt_tokens":"x"}}', Failure.GARBAGE),
        (b'{"error":{"message":"no"}}', Failure.SERVER_ERROR),
        (b'{"object":"error","message":"no"}', Failure.SERVER_ERROR),
    ],
)
def test_what_is_no_chunk_has_a_reason(data: bytes, failure: Failure) -> None:
    with pytest.raises(LanguageModelError) as caught:
        read(data)
    assert caught.value.failure is failure


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "content", "usage", "error", "prompt_tokens"]),
            inner,
            max_size=3,
        )
    ),
)


@given(st.binary(max_size=60) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_but_a_chunk_or_a_typed_error_comes_out(data: bytes) -> None:
    with suppress(LanguageModelError):
        assert isinstance(read(data).text, str)


def test_a_question_asks_for_a_stream_with_token_counts() -> None:
    body = request("m", [Message(Role.USER, "hi")], temperature=0.5, max_tokens=9)
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
