"""The Genesys adapter's logic over httpx's own seam, ``MockTransport``; real sockets are the simulator's tests."""

import gzip
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from rotation_watcher.adapters.genesys import MAX_ANSWER, PATH, PERMISSION, TRIES, Genesys
from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.ports import Credentials

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
API, LOGIN = "https://api.example.com", "https://login.example.com"
CREDENTIALS = Credentials("client", "canary-secret")
ENTITY = {"signingAuthority": "Genesys", "certificate": "…", "status": "Current", "type": "Client"}

type Handler = Callable[[httpx.Request], httpx.Response]


class World:
    """Answers from a list, the token endpoint apart; counts requests and pauses."""

    def __init__(self, *answers: httpx.Response | Exception, token: httpx.Response | None = None) -> None:
        self.answers = list(answers)
        self.token = token
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.now = NOW
        self.api = Genesys(
            lambda: self.now,
            lambda: httpx.Client(transport=httpx.MockTransport(self.answer), follow_redirects=False),
            pause=self.pause,
            jitter=lambda: 1.0,
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/oauth/token":
            return self.token or httpx.Response(200, json={"access_token": "canary-token", "expires_in": 3600})
        answer = self.answers.pop(0) if self.answers else page()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def look(self, api_url: str = API) -> Sequence[bytes]:
        return self.api.certificates(api_url=api_url, login_url=LOGIN, credentials=CREDENTIALS)

    def fails(self) -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.look()
        assert "canary" not in str(caught.value) + repr(caught.value)
        return caught.value

    @property
    def logins(self) -> int:
        return sum(request.url.path == "/oauth/token" for request in self.requests)


def page(*entities: object, next_uri: str | None = None) -> httpx.Response:
    return httpx.Response(200, json={"entities": [*entities], "nextUri": next_uri, "total": len(entities)})


def test_both_statuses_are_asked_for_with_one_login_by_basic_auth() -> None:
    world = World(page(ENTITY), page())
    assert [json.loads(entity) for entity in world.look()] == [ENTITY]
    login, *looks = world.requests
    assert login.headers["authorization"].startswith("Basic ")
    assert login.content == b"grant_type=client_credentials"
    assert [look.url.path for look in looks] == [PATH, PATH]
    assert [(look.url.params["status"], look.url.params["type"]) for look in looks] == [
        ("Current", "Client"),
        ("Upcoming", "Client"),
    ]
    assert all(look.headers["authorization"] == "Bearer canary-token" for look in looks)


def test_a_token_is_kept_for_its_life_and_no_longer() -> None:
    world = World()
    world.look()
    world.now += timedelta(minutes=58)
    world.look()
    assert world.logins == 1
    world.now += timedelta(minutes=2)
    world.look()
    assert world.logins == 2


def test_a_token_that_is_refused_is_renewed_once() -> None:
    world = World(httpx.Response(401), page(ENTITY), page())
    assert len(world.look()) == 1
    assert world.logins == 2
    assert World(httpx.Response(401), httpx.Response(401)).fails().reason is SourceReason.CREDENTIALS_REFUSED


@pytest.mark.parametrize("api_url", [API, f"{API}/region"])
def test_pages_are_followed_below_the_same_base(api_url: str) -> None:
    following = f"{PATH}?status=Current&pageNumber=2"
    world = World(page(ENTITY, next_uri=following), page(ENTITY), page())
    assert len(world.look(api_url)) == 2
    assert str(world.requests[2].url) == api_url + following


@pytest.mark.parametrize(
    ("next_uri", "words"),
    [
        ("https://evil.example.net/steal", "sends on to the host evil.example.net"),
        ("http://api.example.com:8080/plain", "sends on to the host"),
        ("http://evil.example.net/plain", "sends on to the host evil.example.net"),
        ("http://somebody@api.example.com/plain", "sends on to the host"),
        (f"{PATH}?status=Current&type=Client", "go in a circle"),
        (f"http://api.example.com{PATH}?status=Current&type=Client", "go in a circle"),
    ],
)
def test_a_next_page_that_leads_astray_is_refused(next_uri: str, words: str) -> None:
    error = World(page(ENTITY, next_uri=next_uri)).fails()
    assert (error.reason, words in str(error)) == (SourceReason.ANSWER_INVALID, True)


@pytest.mark.parametrize("api_url", [API, f"{API}/region"])
@pytest.mark.parametrize("start", ["http://api.example.com/", "HTTP://API.example.com:80/", "//api.example.com/", ""])
def test_a_next_page_named_by_http_is_asked_for_over_tls(api_url: str, start: str) -> None:
    world = World(page(ENTITY, next_uri=f"{start}{PATH[1:]}?pageNumber=2"), page(ENTITY), page())
    assert len(world.look(api_url)) == 2
    assert str(world.requests[2].url) == f"{api_url}{PATH}?pageNumber=2"
    assert {request.url.scheme for request in world.requests} == {"https"}


def test_only_the_documented_parameters_are_sent() -> None:
    world = World()
    world.look()
    assert {*world.requests[1].url.params} == {"status", "type"}


def test_a_query_that_is_not_taken_is_reported_as_such() -> None:
    assert "does not take this query" in str(World(httpx.Response(400)).fails())


@pytest.mark.parametrize("total", [0, "0", " 0 "])
def test_entities_that_are_null_are_none_where_the_total_is_zero(total: object) -> None:
    world = World(page(ENTITY), httpx.Response(200, json={"entities": None, "total": total}))
    assert len(world.look()) == 1


def test_a_page_without_entities_is_empty_where_the_total_is_zero() -> None:
    empty = {"total": 0, "pageSize": 25, "pageNumber": 1, "pageCount": 0}
    assert len(World(page(ENTITY), httpx.Response(200, json=empty)).look()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"entities": None, "total": 1},
        {"entities": None},
        {"entities": {}, "total": 0},
        {"entities": "", "total": 0},
        {"total": 1},
        {"total": None},
        {"total": False},
        {},
    ],
)
def test_no_list_of_entities_is_an_invalid_answer(answer: object) -> None:
    assert "without a list of entities" in str(World(httpx.Response(200, json=answer)).fails())


@pytest.mark.parametrize(
    "body", [json.dumps({"entities": [7] * 10_001}), '{"entities":[' + "7," * 2_000_000 + "7]}"], ids=["few", "many"]
)
def test_more_entities_than_a_region_can_have_are_refused(body: str) -> None:
    error = World(httpx.Response(200, text=body)).fails()
    assert (error.reason, str(error)) == (
        SourceReason.ANSWER_TOO_LARGE,
        "api.example.com answered with more than 10000 entities",
    )


def test_ten_thousand_entities_are_handed_on() -> None:
    assert len(World(httpx.Response(200, json={"entities": [ENTITY] * 10_000}), page()).look()) == 10_000


def test_a_byte_order_mark_is_passed_over() -> None:
    token = b"\xef\xbb\xbf" + json.dumps({"access_token": "canary-token"}).encode()
    world = World(
        httpx.Response(200, content=b"\xef\xbb\xbf" + page(ENTITY).content), token=httpx.Response(200, content=token)
    )
    assert len(world.look()) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_text_in_another_encoding_is_reported_as_such(encoding: str) -> None:
    error = World(httpx.Response(200, content='{"entities": []}'.encode(encoding))).fails()
    assert str(error).endswith("not the JSON expected but text in UTF-16")


@pytest.mark.parametrize("kind", ["bearer", "Bearer", "BEARER", " bearer ", "", None, 7])
def test_a_token_is_taken_however_its_type_is_written(kind: object) -> None:
    assert World(token=httpx.Response(200, json={"access_token": "canary-token", "token_type": kind})).look() == []


def test_a_token_of_another_type_is_reported() -> None:
    error = World(token=httpx.Response(200, json={"access_token": "canary-token", "token_type": "canary-mac"})).fails()
    assert (error.reason, "another type than bearer" in str(error)) == (SourceReason.ANSWER_INVALID, True)


def test_pages_without_end_are_refused() -> None:
    world = World(*(page(next_uri=f"{PATH}?pageNumber={number}") for number in range(60)))
    assert "more than 50 pages" in str(world.fails())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(403), SourceReason.PERMISSION_MISSING),
        (httpx.Response(404), SourceReason.ENDPOINT_MISSING),
        (httpx.Response(400), SourceReason.ANSWER_INVALID),
        (httpx.Response(302, headers={"location": "https://evil.example.net/x?token=1"}), SourceReason.REDIRECTED),
        (httpx.Response(200, text="<html>hello</html>"), SourceReason.ANSWER_INVALID),
        (httpx.Response(200, content=b'{"entities": [], "nextUri": "\xff"}'), SourceReason.ANSWER_INVALID),
        (httpx.Response(200, json={"total": 1}), SourceReason.ANSWER_INVALID),
        (httpx.Response(200, json={"entities": None}), SourceReason.ANSWER_INVALID),
        (httpx.Response(200, json=[1]), SourceReason.ANSWER_INVALID),
        (httpx.Response(200, content=b"[" * 100_000), SourceReason.ANSWER_INVALID),
    ],
)
def test_each_bad_answer_has_its_reason_and_is_not_tried_again(answer: httpx.Response, reason: SourceReason) -> None:
    world = World(answer)
    assert world.fails().reason is reason
    assert world.pauses == []


def test_a_missing_permission_is_named() -> None:
    assert PERMISSION in str(World(httpx.Response(403)).fails())


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_name_the_client_and_never_the_secret(status: int) -> None:
    world = World(token=httpx.Response(status, json={"error": "invalid_client", "canary-secret": 1}))
    error = world.fails()
    assert error.reason is SourceReason.CREDENTIALS_REFUSED
    assert "client" in str(error)


def test_a_token_answer_that_is_no_json_object_shows_no_token() -> None:
    error = World(token=httpx.Response(200, text='{"access_token": "canary-token"')).fails()
    assert error.reason is SourceReason.ANSWER_INVALID


@pytest.mark.parametrize(
    "trouble",
    [httpx.ConnectError("no route"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")],
)
def test_a_network_error_is_tried_again_and_then_reported(trouble: Exception) -> None:
    world = World(trouble, page(ENTITY), page())
    assert len(world.look()) == 1
    assert world.pauses == [2.0]
    world = World(*[trouble] * TRIES)
    assert world.fails().reason is SourceReason.UNREACHABLE
    assert len(world.pauses) == TRIES - 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again_and_then_reported(status: int) -> None:
    assert len(World(httpx.Response(status), page(ENTITY), page()).look()) == 1
    assert World(*[httpx.Response(status)] * TRIES).fails().reason is SourceReason.UNAVAILABLE


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Mon, 02 Mar 2026 09:00:05 GMT"}, 5.0),
        ({"retry-after": "Mon, 02 Mar 2026 08:00:00 GMT"}, 0.0),
        ({"retry-after": "-3"}, 2.0),
        ({"retry-after": "soon"}, 2.0),
        ({"inin-ratelimit-count": "300", "inin-ratelimit-allowed": "300", "inin-ratelimit-reset": "11"}, 11.0),
        ({"inin-ratelimit-count": "3", "inin-ratelimit-allowed": "300", "inin-ratelimit-reset": "11"}, 2.0),
        ({"inin-ratelimit-count": "x"}, 2.0),
        ({}, 2.0),
    ],
)
def test_a_throttled_observation_waits_as_long_as_the_answer_says(headers: dict[str, str], pause: float) -> None:
    world = World(httpx.Response(429, headers=headers), page(ENTITY), page())
    assert len(world.look()) == 1
    assert world.pauses == [pause]


def test_a_wait_beyond_the_cap_is_given_up_at_once() -> None:
    world = World(httpx.Response(429, headers={"retry-after": "3600"}))
    error = world.fails()
    assert (error.reason, "3600 s" in str(error), world.pauses) == (SourceReason.THROTTLED, True, [])


def test_an_answer_that_is_too_large_is_cut_off_also_when_it_unfolds() -> None:
    bomb = gzip.compress(b" " * (MAX_ANSWER + 1))
    assert len(bomb) < 20_000
    world = World(httpx.Response(200, content=bomb, headers={"content-encoding": "gzip"}))
    assert world.fails().reason is SourceReason.ANSWER_TOO_LARGE


def test_a_broken_encoding_is_reported() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t"})
        stream = httpx.ByteStream(b"no gzip at all")
        return httpx.Response(200, stream=stream, headers={"content-encoding": "gzip"})

    api = Genesys(lambda: NOW, lambda: httpx.Client(transport=httpx.MockTransport(broken)))
    with pytest.raises(SourceError) as caught:
        api.certificates(api_url=API, login_url=LOGIN, credentials=CREDENTIALS)
    assert caught.value.reason is SourceReason.ANSWER_INVALID


ECHOES = ['"canary-token"', "access_token=canary-token", "<html>canary-token</html>", " <p>Bearer canary-token"]


@pytest.mark.parametrize("body", ECHOES)
def test_an_answer_that_is_or_echoes_a_token_is_never_quoted(body: str) -> None:
    from_login, from_api = World(token=httpx.Response(200, text=body)), World(httpx.Response(200, text=body))
    for world in (from_login, from_api):
        error = world.fails()  # holds every error against the canaries
        assert error.reason is SourceReason.ANSWER_INVALID
        assert ("but a web page" in str(error)) == body.lstrip().startswith("<")


def test_no_repr_shows_a_secret_or_a_token() -> None:
    world = World()
    world.look()
    assert "canary" not in repr(CREDENTIALS) + repr(vars(world.api))
