"""The page's server gives tickets to its own page and to nobody else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from switchboard_api.talk.server import NoTicketError, TalkPage, serve
from switchboard_api.talk.ticket import Ticket

LIVEKIT = "ws://127.0.0.1:7880"


@dataclass
class Desk:
    """The page under test, and who asks it."""

    url: str
    http: aiohttp.ClientSession
    asked: int = 0
    refusal: str = ""

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    async def ask(self) -> Ticket:
        self.asked += 1
        if self.refusal:
            raise NoTicketError(self.refusal)
        return Ticket("sb-clinic-desk_browser_1", "token-of-one-call")

    async def get(self, path: str, **headers: str) -> tuple[int, str, aiohttp.ClientResponse]:
        async with self.http.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text(), answer

    async def call(self, **headers: str) -> tuple[int, str]:
        async with self.http.post(f"{self.url}call", headers=headers) as answer:
            return answer.status, await answer.text()


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    async with aiohttp.ClientSession() as http:
        found = Desk("", http)
        async with serve(TalkPage("clinic/<desk>", LIVEKIT, found.ask), 0) as url:
            found.url = url
            yield found


async def test_the_page_gets_a_ticket_for_each_call(desk: Desk) -> None:
    for _ in range(2):
        status, text = await desk.call(Origin=desk.origin)
        assert status == 200
        assert '"room": "sb-clinic-desk_browser_1"' in text
        assert '"token": "token-of-one-call"' in text
        assert f'"url": "{LIVEKIT}"' in text
    assert desk.asked == 2


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1", "http://localhost:3000", "null", ""],
)
async def test_pages_of_other_origins_get_none(desk: Desk, origin: str) -> None:
    status, text = await desk.call(Origin=origin)
    assert (status, "token" in text, desk.asked) == (403, False, 0)


async def test_who_has_no_origin_gets_none(desk: Desk) -> None:
    assert (await desk.call())[0] == 403
    assert desk.asked == 0


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "10.0.0.1", ""])
async def test_a_name_that_was_rebound_to_loopback_gets_neither_page_nor_ticket(
    desk: Desk, host: str
) -> None:
    assert (await desk.get("", Host=host))[0] in {400, 403}
    assert (await desk.call(Host=host, Origin=f"http://{host}"))[0] in {400, 403}
    assert desk.asked == 0


@pytest.mark.parametrize("host", ["localhost:9999", "127.0.0.1:9999", "[::1]:9999", "localhost"])
async def test_a_forwarded_port_may_have_another_number(desk: Desk, host: str) -> None:
    assert (await desk.get("", Host=host))[0] == 200
    assert (await desk.call(Host=host, Origin=f"http://{host}"))[0] == 200


async def test_who_does_not_know_the_path_gets_nothing(desk: Desk) -> None:
    parts = urlsplit(desk.url)
    assert len(parts.path) > 16
    for path in ("/", "/index.html", "/call", "/guess/", "/guess/call"):
        headers = {"Origin": desk.origin}
        async with desk.http.post(desk.origin + path, headers=headers) as answer:
            assert answer.status in {404, 405}
        async with desk.http.get(desk.origin + path) as answer:
            assert answer.status == 404
    assert desk.asked == 0


async def test_a_ticket_is_not_given_to_a_link_or_an_image(desk: Desk) -> None:
    assert (await desk.get("call"))[0] == 404
    assert desk.asked == 0


async def test_it_listens_on_loopback_only(desk: Desk) -> None:
    assert urlsplit(desk.url).hostname == "127.0.0.1"


async def test_a_call_that_is_not_let_in_says_why(desk: Desk) -> None:
    desk.refusal = "clinic/desk takes no calls"
    assert await desk.call(Origin=desk.origin) == (409, '{"error": "clinic/desk takes no calls"}')


async def test_the_name_of_an_agent_is_text_and_no_html(desk: Desk) -> None:
    _, text, _ = await desk.get("")
    assert "<h1>clinic/&lt;desk&gt;</h1>" in text
    assert "{agent}" not in text


async def test_only_files_of_the_page_are_served(desk: Desk) -> None:
    for name, kind in (
        ("page.js", "text/javascript"),
        ("call.js", "text/javascript"),
        ("page.css", "text/css"),
    ):
        status, _, answer = await desk.get(name)
        assert (status, answer.content_type) == (200, kind)
    for name in ("server.py", "..%2fserver.py", "%2e%2e/server.py", "nothing.js"):
        assert (await desk.get(name))[0] == 404


async def test_the_page_may_talk_to_livekit_and_load_nothing_from_elsewhere(desk: Desk) -> None:
    _, _, answer = await desk.get("")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert f"connect-src 'self' {LIVEKIT};" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
