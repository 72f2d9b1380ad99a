import numpy as np

from switchboard_agent.tts.cache import Key, PromptCache


def _key(text: str) -> Key:
    return (text, "en-us", 165)


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = PromptCache(capacity_bytes=400)
    for text in ("one", "two"):
        cache.put(_key(text), np.zeros(100, np.int16))
    assert cache.get(_key("one")) is not None
    cache.put(_key("three"), np.zeros(100, np.int16))
    assert cache.get(_key("two")) is None
    assert cache.get(_key("one")) is not None
    assert cache.held_bytes == 400


def test_audio_larger_than_the_cache_is_not_held() -> None:
    cache = PromptCache(capacity_bytes=100)
    cache.put(_key("long"), np.zeros(100, np.int16))
    assert cache.get(_key("long")) is None
    assert cache.held_bytes == 0


def test_held_audio_cannot_be_changed_by_a_listener() -> None:
    cache = PromptCache(capacity_bytes=1000)
    cache.put(_key("a"), np.zeros(10, np.int16))
    pcm = cache.get(_key("a"))
    assert pcm is not None
    assert not pcm.flags.writeable
