"""The Genesys adapter against answers that are legal HTTP and still absurd, over httpx's own seam."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from rotation_watcher.adapters.genesys import MAX_ANSWER, PATH, TRIES, Genesys
from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.ports import Credentials

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
API, LOGIN = "https://api.example.com", "https://login.example.com"
UUID_OF_CLIENT = "6b1d3c7e-0c1a-4f6b-9c55-5f1f0a3d2e10"
GRANT = {"access_token": "canary-token", "expires_in": 3600}


class Peer:
    """Gives one token answer for ever, and the certificates' answers in their order."""

    def __init__(self, *answers: object, grant: object = GRANT, jitter: float = 1.0) -> None:
        self.answers = [
            each if isinstance(each, httpx.Response) else httpx.Response(200, json=each) for each in answers
        ]
        self.grant = grant
        self.now = NOW
        self.asked: list[httpx.URL] = []
        self.logins = 0
        self.pauses: list[float] = []
        self.api = Genesys(
            lambda: self.now,
            lambda: httpx.Client(transport=httpx.MockTransport(self.answer)),
            pause=self.pause,
            jitter=lambda: jitter,
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/oauth/token"):
            self.logins += 1
            return httpx.Response(200, text=json.dumps(self.grant))
        self.asked.append(request.url)
        return self.answers.pop(0) if self.answers else httpx.Response(200, json={"entities": []})

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def look(self, api_url: str = API, login_url: str = LOGIN, client_id: str = UUID_OF_CLIENT) -> Sequence[bytes]:
        credentials = Credentials(client_id, "canary-secret")
        return self.api.certificates(api_url=api_url, login_url=login_url, credentials=credentials)

    def fails(self, api_url: str = API, login_url: str = LOGIN) -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.look(api_url, login_url)
        assert "canary" not in str(caught.value)
        return caught.value


@pytest.mark.parametrize(
    "next_uri", ["https://[::1", "https://x:port/", "/a\x00b", "/a\nb", "/" + "x" * 70_000, "https://é..x/"]
)
def test_a_next_page_that_is_no_url_is_refused(next_uri: str) -> None:
    error = Peer({"entities": [], "nextUri": next_uri}).fails()
    assert error.reason is SourceReason.ANSWER_INVALID
    assert str(error) == "api.example.com names a next page that is no URL"


@pytest.mark.parametrize(
    "next_uri",
    [
        "https://api.example.com@evil.example.net/x",
        "https://api.example.com.evil.example.net/x",
        "https://somebody:word@api.example.com/x",
        "https://api.example.com:8443/x",
        "//evil.example.net/x",
        "ftp://api.example.com/x",
    ],
)
def test_a_next_page_at_another_door_is_never_asked_for(next_uri: str) -> None:
    peer = Peer({"entities": [], "nextUri": next_uri})
    assert peer.fails().reason is SourceReason.ANSWER_INVALID
    assert len(peer.asked) == 1


@pytest.mark.parametrize(
    ("next_uri", "asked"),
    [
        (f"{PATH}?pageNumber=2&cursor=a%2Fb", f"{API}/region{PATH}?pageNumber=2&cursor=a%2Fb"),
        (f"/region{PATH}?pageNumber=2", f"{API}/region{PATH}?pageNumber=2"),
        (f"{API}:443/region{PATH}?pageNumber=2", f"{API}/region{PATH}?pageNumber=2"),
        ("?pageNumber=2", f"{API}/region{PATH}?pageNumber=2"),
    ],
)
def test_a_next_page_is_found_however_it_is_written(next_uri: str, asked: str) -> None:
    peer = Peer({"entities": [1], "nextUri": next_uri}, {"entities": [2]})
    assert peer.look(f"{API}/region/") == [b"1", b"2"]
    assert str(peer.asked[1]) == asked


def test_pages_that_together_are_too_large_are_refused() -> None:
    third = "x" * (MAX_ANSWER // 3)
    pages = ({"entities": [third], "nextUri": f"{PATH}?pageNumber={number}"} for number in range(2, 9))
    peer = Peer(*pages)
    assert peer.fails().reason is SourceReason.ANSWER_TOO_LARGE
    assert len(peer.asked) == 3


@pytest.mark.parametrize("token", ["", "canary token", "canary\r\nX-Injected: 1", "canary\n", "canaryé", None, 7])
def test_a_token_that_no_header_takes_is_an_invalid_answer(token: object) -> None:
    peer = Peer(grant={"access_token": token})
    error = peer.fails()
    assert error.reason is SourceReason.ANSWER_INVALID
    assert "login.example.com" in str(error)
    assert (peer.asked, peer.pauses) == ([], [])


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        *((1e300, 172_740), (10**30, 172_740), (300, 240), (3600.5, 3540), ("3600", 3540), ("3600.5", 3540)),
        *(("1e999", 172_740), (None, 240), ("soon", 240), ("nan", 240), ("", 240), ([], 240), (True, 240), ({}, 240)),
    ],
)
def test_a_token_is_kept_for_its_claimed_life_but_two_days_at_most(claimed: object, kept: int) -> None:
    peer = Peer(grant={"access_token": "t", "expires_in": claimed})
    peer.look()
    peer.now += timedelta(seconds=kept - 1)
    peer.look()
    assert peer.logins == 1
    peer.now += timedelta(seconds=2)
    peer.look()
    assert peer.logins == 2


@pytest.mark.parametrize("claimed", [0, -5, -1e300, "0", "-1e999"])
def test_a_token_without_a_life_is_used_once(claimed: object) -> None:
    peer = Peer(grant={"access_token": "t", "expires_in": claimed})
    peer.look()
    assert (peer.logins, len(peer.asked)) == (2, 2)


@pytest.mark.parametrize(("reset", "pause"), [("nan", 2.0), ("inf", 2.0), ("1e999", 2.0), ("-1", 0.0), ("", 2.0)])
def test_a_reset_that_is_no_number_of_seconds_is_ignored(reset: str, pause: float) -> None:
    used_up = {"inin-ratelimit-count": "301", "inin-ratelimit-allowed": "300", "inin-ratelimit-reset": reset}
    peer = Peer(httpx.Response(429, headers=used_up))
    assert peer.look() == []
    assert peer.pauses == [pause]


@pytest.mark.parametrize(("jitter", "pauses"), [(0.0, [0.0, 0.0]), (0.25, [0.5, 1.0]), (1.0, [2.0, 4.0])])
def test_waits_double_and_are_spread_over_their_whole_length(jitter: float, pauses: list[float]) -> None:
    peer = Peer(*[httpx.Response(500)] * TRIES, jitter=jitter)
    assert peer.fails().reason is SourceReason.UNAVAILABLE
    assert peer.pauses == pauses


@pytest.mark.parametrize("urls", [(f"{API}:port", LOGIN), (API, "https://é..x"), (f"{API}/\x01", LOGIN)])
def test_a_url_that_cannot_be_asked_is_reported(urls: tuple[str, str]) -> None:
    error = Peer().fails(*urls)
    assert error.reason is SourceReason.ENDPOINT_MISSING
    assert str(error).isprintable()


def test_many_observations_at_once_share_the_token_and_nothing_else() -> None:
    peer = Peer()
    peer.look()

    with ThreadPoolExecutor(20) as threads:
        assert [*threads.map(lambda _: peer.look(), range(20))] == [[]] * 20
    assert peer.logins == 1


def test_two_clients_of_one_login_host_never_share_a_token() -> None:
    peer = Peer()
    peer.look()
    peer.look(client_id="0d4dc1ab-6f0c-4b0e-8a53-3f7f3fdc36e4")
    peer.look(login_url="https://login.example.org")
    assert peer.logins == 3
