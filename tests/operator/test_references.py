"""Referenced objects are read once, and again when they change."""

from typing_extensions import override

from switchboard_operator.directory import Key, KeyKind
from switchboard_operator.kube.kinds import CONFIG_MAP, SECRET, Kind
from switchboard_operator.kube.objects import Object
from switchboard_operator.references import ReferenceCache
from switchboard_operator.store import Ref
from tests.operator.fakes import FakeKube

KEY = Key(KeyKind.VOICE_AGENT, "n", "a")
REF = Ref(CONFIG_MAP, "n", "c")


class _CountingKube(FakeKube):
    gets = 0

    @override
    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        self.gets += 1
        return await super().get(kind, namespace, name)


def _made() -> tuple[_CountingKube, ReferenceCache, list[Key]]:
    kube, woken = _CountingKube(), list[Key]()
    kube.put(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "n"}, "data": {"k": "v"}})
    return kube, ReferenceCache(kube, woken.append), woken


async def test_it_is_read_once_until_it_changes() -> None:
    kube, cache, woken = _made()
    for _ in range(3):
        reader = cache.reader(KEY)
        assert await reader.read(*REF) == {"k": "v"}
        reader.close()
    assert kube.gets == 1
    cache.changed(REF)
    assert woken == [KEY]
    assert await cache.reader(KEY).read(*REF) == {"k": "v"}
    assert kube.gets == 2


async def test_a_missing_object_wakes_its_reader_when_it_comes() -> None:
    _, cache, woken = _made()
    reader = cache.reader(KEY)
    assert await reader.read(SECRET, "n", "missing") is None
    reader.close()
    cache.changed(Ref(SECRET, "n", "missing"))
    assert woken == [KEY]


async def test_what_nobody_reads_wakes_nobody() -> None:
    _, cache, woken = _made()
    reader = cache.reader(KEY)
    await reader.read(*REF)
    reader.close()
    cache.reader(KEY).close()
    cache.changed(REF)
    assert woken == []


async def test_a_watch_that_was_away_wakes_every_reader_of_its_kind() -> None:
    _, cache, woken = _made()
    reader = cache.reader(KEY)
    await reader.read(*REF)
    reader.close()
    cache.changed_maybe(SECRET)
    assert woken == []
    cache.changed_maybe(CONFIG_MAP)
    assert woken == [KEY]


async def test_a_change_while_the_answer_is_on_its_way_is_not_lost() -> None:
    kube, cache, woken = _made()

    class _Late(_CountingKube):
        @override
        async def get(self, kind: Kind, namespace: str, name: str) -> Object:
            found = await kube.get(kind, namespace, name)
            cache.changed(REF)
            return found

    cache._api = _Late()
    await cache.reader(KEY).read(*REF)
    assert woken == [KEY]
    cache._api = kube
    before = kube.gets
    await cache.reader(KEY).read(*REF)
    assert kube.gets == before + 1
