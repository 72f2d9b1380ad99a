"""Which model server a call leans on (what servers are scaled by), and whether each answers."""

import asyncio

import pytest

from switchboard_agent.llm.chain import NoAnswerError
from tests.agent.llm.rig import Worker, language_model, play, prompt_config
from tests.support.openai_server import Fault, OpenAiServer

OWN = language_model("own", "http://brain.switchboard-system.svc:8000/v1")
SPARE = language_model("spare", "http://spare.switchboard-system.svc:8000/v1")
OUTSIDE = language_model("outside", "https://api.example/v1")


def test_a_call_leans_on_the_first_model_of_its_chain() -> None:
    async def scene(worker: Worker) -> None:
        await asyncio.sleep(0)
        host = worker.models.server_of(prompt_config(OWN, SPARE))
        assert host == "brain.switchboard-system.svc"

    play([], scene)


def test_a_call_whose_model_is_out_of_order_leans_on_the_next() -> None:
    async def scene(worker: Worker) -> None:
        await asyncio.sleep(0)
        config = prompt_config(OWN, SPARE)
        worker.models.chain(config)
        first = next(iter(worker.models._breakers.values()))
        for now in range(3):
            permit = first.enter(float(now))
            assert permit is not None
            first.failed(permit, float(now))
        assert worker.models.server_of(config) == "spare.switchboard-system.svc"

    play([], scene)


def test_what_lies_outside_the_cluster_is_not_told() -> None:
    async def scene(worker: Worker) -> None:
        await asyncio.sleep(0)
        assert not worker.models.server_of(prompt_config(OUTSIDE, OWN))

    play([OpenAiServer()], scene)


def test_a_check_finds_the_dead_model_behind_a_living_one() -> None:
    well, ill = OpenAiServer(), OpenAiServer(fault=Fault.SERVER_ERROR)

    async def scene(worker: Worker) -> None:
        first, second = language_model("own", ill.url), language_model("spare", well.url)
        found = await worker.models.check(prompt_config(first, second))
        assert (found.questions, found.down) == (2, ("own (server_error)",))
        assert len(ill.questions) == len(well.questions) == 1

    play([well, ill], scene)


def test_a_check_leaves_a_model_to_rest_that_is_out_of_order() -> None:
    well, ill = OpenAiServer(), OpenAiServer(fault=Fault.SERVER_ERROR)

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("own", ill.url), language_model("spare", well.url))
        for _ in range(3):
            await worker.models.check(config)
        found = await worker.models.check(config)
        assert (found.questions, found.down) == (1, ("own (out of order)",))
        assert len(ill.questions) == 3

    play([well, ill], scene)


def test_a_check_fails_where_no_model_answers() -> None:
    ill = OpenAiServer(fault=Fault.SILENT)

    async def scene(worker: Worker) -> None:
        with pytest.raises(NoAnswerError):
            await worker.models.check(prompt_config(language_model("own", ill.url)))

    play([ill], scene)


def test_a_script_asks_nobody() -> None:
    async def scene(worker: Worker) -> None:
        config = prompt_config(OWN).model_copy(update={"llm": ()})
        assert (await worker.models.check(config)).questions == 0

    play([], scene)
