import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.genesys.clock import VirtualClock
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.region import AUTHORITIES
from local.genesys.server import Simulator
from local.genesys.world import World
from local.patience import seconds

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
REGION = "us-east-1"
CERTIFICATES = f"/{REGION}/api/v2/integrations/actions/certificates"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def world(clock: VirtualClock) -> World:
    world = World(clock, DEFAULT_CACHE, root_key_bits=2048)
    world.region(REGION, days_left=80)
    return world


@pytest.fixture
def simulator(world: World) -> Iterator[Simulator]:
    with Simulator(world) as simulator:
        yield simulator


@pytest.fixture
def http(simulator: Simulator) -> Iterator[httpx.Client]:
    with client_of(simulator) as client:
        yield client


def client_of(simulator: Simulator) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(simulator.ca_file))
    return httpx.Client(base_url=simulator.url, verify=context, trust_env=False, timeout=5)


def log_in(http: httpx.Client, simulator: Simulator, region: str = REGION, **credentials: str) -> httpx.Response:
    client_id = credentials.get("client_id", simulator.client_id)
    secret = credentials.get("secret", simulator.client_secret)
    grant = {"grant_type": credentials.get("grant_type", "client_credentials")}
    return http.post(f"/{region}/oauth/token", data=grant, auth=(client_id, secret))


def bearer(http: httpx.Client, simulator: Simulator, region: str = REGION) -> dict[str, str]:
    return {"Authorization": f"Bearer {log_in(http, simulator, region).json()['access_token']}"}


def look(http: httpx.Client, token: dict[str, str], **query: str | int) -> dict[str, Any]:
    answer = http.get(CERTIFICATES, params=query, headers=token)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_login_gives_a_bearer_token_for_a_day(http: httpx.Client, simulator: Simulator) -> None:
    answer = log_in(http, simulator)

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["expires_in"] == 86400
    assert len(answer.json()["access_token"]) > 40


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ({"client_id": "nobody"}, (400, "invalid_client", "client not found: invalid_client")),
        ({"secret": "wrong"}, (401, "invalid_client", "authentication failed: invalid_client")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", "grant type is not supported")),
    ],
)
def test_a_wrong_login_is_refused_as_genesys_refuses_it(
    credentials: dict[str, str], expected: tuple[int, str, str], http: httpx.Client, simulator: Simulator
) -> None:
    answer = log_in(http, simulator, **credentials)

    status, error, description = expected
    assert answer.status_code == status
    assert answer.json() == {"error": error, "description": description, "error_description": description}


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic %%%"}, {"Authorization": "Bearer x"}])
def test_a_login_without_credentials_is_refused(header: dict[str, str], http: httpx.Client) -> None:
    answer = http.post(f"/{REGION}/oauth/token", data={"grant_type": "client_credentials"}, headers=header)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_both_statuses_are_listed_and_filters_do_not_care_about_case(http: httpx.Client, simulator: Simulator) -> None:
    token = bearer(http, simulator)

    def kinds(**query: str) -> list[tuple[str, str]]:
        return [(each["signingAuthority"], each["status"]) for each in look(http, token, **query)["entities"]]

    everything = [("DigiCert", "Current"), ("DigiCert", "Upcoming"), ("Genesys", "Current")]
    assert kinds() == kinds(type="client") == kinds(status="") == everything
    assert kinds(status="Current", type="Client") == [("DigiCert", "Current"), ("Genesys", "Current")]
    assert kinds(status="UPCOMING") == [("DigiCert", "Upcoming")]


def test_the_entities_are_what_the_world_publishes(http: httpx.Client, simulator: Simulator, world: World) -> None:
    body = look(http, bearer(http, simulator))

    assert body["entities"] == world.region(REGION).published()
    assert {key: value for key, value in body.items() if key != "entities"} == {
        "pageSize": 20,
        "pageNumber": 1,
        "total": 3,
        "pageCount": 1,
        "firstUri": "/api/v2/integrations/actions/certificates?pageSize=20&pageNumber=1",
        "selfUri": "/api/v2/integrations/actions/certificates?pageSize=20&pageNumber=1",
        "lastUri": "/api/v2/integrations/actions/certificates?pageSize=20&pageNumber=1",
    }


def test_an_empty_list_has_no_pages(http: httpx.Client, world: World, simulator: Simulator) -> None:
    world.region("eu-central-1")
    token = bearer(http, simulator, "eu-central-1")
    path = CERTIFICATES.replace(REGION, "eu-central-1")
    body = http.get(path, params={"status": "Upcoming"}, headers=token).json()

    assert (body["entities"], body["total"], body["pageCount"]) == ([], 0, 0)
    assert "nextUri" not in body


def test_pages_of_one_are_followed_by_their_relative_next_uri_to_the_end(world: World) -> None:
    with Simulator(world, page_size=1, largest_page=1) as simulator, client_of(simulator) as http:
        token = bearer(http, simulator)
        page = look(http, token, status="Current", pageSize=50)
        assert "previousUri" not in page
        assert page["nextUri"].startswith("/api/v2/")
        assert page["lastUri"] == page["nextUri"] != page["firstUri"] == page["selfUri"]
        found = page["entities"]
        while "nextUri" in page:
            page = http.get(f"{simulator.api_url(REGION)}{page['nextUri']}", headers=token).json()
            found += page["entities"]

    assert (page["pageNumber"], page["pageCount"], page["total"], page["pageSize"]) == (2, 2, 2, 1)
    assert page["previousUri"] == page["firstUri"]
    assert found == [each for each in world.region(REGION).published() if each["status"] == "Current"]


@pytest.mark.parametrize(
    "query", [{"status": "Past"}, {"type": "Server"}, {"pageSize": "0"}, {"pageNumber": "x"}, {"pageSize": "-1"}]
)
def test_a_query_that_means_nothing_is_a_bad_request(
    query: dict[str, str], http: httpx.Client, simulator: Simulator
) -> None:
    answer = http.get(CERTIFICATES, params=query, headers=bearer(http, simulator))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid.value")


def test_without_a_token_with_a_wrong_one_or_one_of_another_region_the_answer_is_401(
    http: httpx.Client, simulator: Simulator
) -> None:
    elsewhere = bearer(http, simulator, "eu-central-1")
    for headers, code in (
        ({}, "authentication.required"),
        ({"Authorization": "Bearer nonsense"}, "bad.credentials"),
        (elsewhere, "bad.credentials"),
    ):
        answer = http.get(CERTIFICATES, headers=headers)
        assert answer.status_code == answer.json()["status"] == 401
        assert answer.json()["code"] == code
        assert set(answer.json()) >= {"message", "code", "status", "contextId"}


def test_a_token_ends_when_its_life_is_over_or_when_it_is_revoked(
    http: httpx.Client, simulator: Simulator, clock: VirtualClock
) -> None:
    simulator.add_client("short", "lived", token_life=timedelta(seconds=300))
    answer = log_in(http, simulator, client_id="short", secret="lived")
    assert answer.json()["expires_in"] == 300
    token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    clock.advance(timedelta(seconds=299))
    look(http, token)
    clock.advance(timedelta(seconds=1))
    assert http.get(CERTIFICATES, headers=token).status_code == 401

    token = bearer(http, simulator)
    look(http, token)
    simulator.revoke_tokens()
    assert http.get(CERTIFICATES, headers=token).status_code == 401


def test_a_client_without_the_permission_gets_403_that_names_it(http: httpx.Client, simulator: Simulator) -> None:
    token = bearer(http, simulator)
    look(http, token)
    simulator.add_client(simulator.client_id, simulator.client_secret, ["integrations:action:view"])
    answer = http.get(CERTIFICATES, headers=token)

    assert answer.status_code == answer.json()["status"] == 403
    assert answer.json()["code"] == "missing.permissions"
    assert answer.json()["messageParams"] == {"permissions": "integrations:actionCertificate:view"}


def test_the_limit_counts_by_token_and_minute_and_says_when_to_come_back(
    http: httpx.Client, simulator: Simulator, clock: VirtualClock
) -> None:
    simulator.service.rate_limit = 2
    token, other = bearer(http, simulator), bearer(http, simulator)
    within = [http.get(CERTIFICATES, headers=token) for _ in range(2)]
    assert [(each.status_code, each.headers["inin-ratelimit-count"]) for each in within] == [(200, "1"), (200, "2")]
    clock.advance(timedelta(seconds=40))
    answer = http.get(CERTIFICATES, headers=token)

    assert answer.status_code == answer.json()["status"] == 429
    assert (answer.headers["Retry-After"], answer.headers["inin-ratelimit-reset"]) == ("20", "20")
    assert answer.headers["inin-ratelimit-allowed"] == "2"
    assert http.get(CERTIFICATES, headers=other).status_code == 200
    clock.advance(timedelta(seconds=20))
    assert http.get(CERTIFICATES, headers=token).status_code == 200


def test_the_usual_limit_is_300(http: httpx.Client, simulator: Simulator) -> None:
    token = bearer(http, simulator)

    assert http.get(CERTIFICATES, headers=token).headers["inin-ratelimit-allowed"] == "300"


def test_while_it_flaps_each_status_query_alternates_separately_and_an_observation_stays_whole(
    clock: VirtualClock, world: World
) -> None:
    region = world.region(REGION)
    region.schedule_rotation("DigiCert", START + DAY, flapping=timedelta(hours=1))
    clock.advance(DAY)
    with Simulator(world, page_size=1) as simulator, client_of(simulator) as http:
        token = bearer(http, simulator)
        upcoming = [look(http, token, status="Upcoming")["total"] for _ in range(4)]
        everything = []
        for _ in range(2):
            first = look(http, token)
            everything.append((first["total"], look(http, token, pageNumber=2)["total"]))
        current = [look(http, token, status="Current")["entities"] for _ in range(2)]
        clock.advance(timedelta(hours=1))
        later = [look(http, token, status="Upcoming")["total"] for _ in range(2)]

    assert upcoming == [1, 0, 1, 0]
    assert everything == [(3, 3), (2, 2)]
    assert current[0] != current[1]
    assert later == [0, 0]


def test_connections_are_kept_alive_for_answers_and_errors(simulator: Simulator) -> None:
    context = ssl.create_default_context(cafile=str(simulator.ca_file))
    port = int(simulator.url.rpartition(":")[2])
    request = b"GET /us-east-1/api/v2/nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        for _ in range(3):
            secured.sendall(request)
            received = b""
            while b'"errors": []}' not in received:
                piece = secured.recv(4096)
                assert piece
                received += piece
            assert received.startswith(b"HTTP/1.1 404")
            head, _, body = received.partition(b"\r\n\r\n")
            assert f"Content-Length: {len(body)}".encode() in head


def test_a_client_without_the_ca_file_does_not_connect(simulator: Simulator) -> None:
    context = ssl.create_default_context(cadata=simulator.world.region(REGION).root_pem())
    with httpx.Client(verify=context, trust_env=False) as http, pytest.raises(httpx.ConnectError, match="CERTIFICATE"):
        http.get(simulator.url)


def test_its_https_certificate_can_be_made_out_to_another_name(world: World) -> None:
    with (
        Simulator(world, names=["api.example"]) as simulator,
        client_of(simulator) as http,
        pytest.raises(httpx.ConnectError, match=r"127\.0\.0\.1"),
    ):
        http.get("/_hosts")


def test_a_silent_or_plain_client_holds_up_nobody(http: httpx.Client, simulator: Simulator) -> None:
    port = int(simulator.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert http.get("/_hosts").status_code == 200


def test_unknown_regions_and_paths_are_not_found(http: httpx.Client, simulator: Simulator) -> None:
    token = bearer(http, simulator)
    for path in ("/xx-north-1/api/v2/integrations/actions/certificates", f"/{REGION}/api/v2/users", "/", "/_nothing"):
        answer = http.get(path, headers=token)
        assert (answer.status_code, answer.json()["code"]) == (404, "not.found")


def test_the_health_page_names_the_regions_with_their_urls(http: httpx.Client, simulator: Simulator) -> None:
    body = http.get("/_hosts").json()

    assert body["now"] == START.isoformat()
    assert body["regions"]["eu-west-2"]["api_url"] == simulator.api_url("eu-west-2")
    assert len(body["regions"]) >= 17


def test_the_log_lists_method_path_and_status_and_no_secret(http: httpx.Client, simulator: Simulator) -> None:
    token = bearer(http, simulator)
    look(http, token, status="Current")
    http.get(CERTIFICATES, params={"access_token": "canary", "pageSize": 0}, headers=token)
    answer = http.get("/_control/log")

    assert [(each["method"], each["path"], each["status"]) for each in answer.json()["requests"]] == [
        ("POST", f"/{REGION}/oauth/token", 200),
        ("GET", f"{CERTIFICATES}?status=Current", 200),
        ("GET", f"{CERTIFICATES}?pageSize=0", 400),
    ]
    assert [each.status for each in simulator.requests] == [200, 200, 400]
    for secret in ("canary", simulator.client_secret, token["Authorization"][7:]):
        assert secret not in answer.text


def test_a_raw_answer_is_played_once_to_the_next_request_of_its_kind(http: httpx.Client, simulator: Simulator) -> None:
    token = bearer(http, simulator)
    simulator.play(REGION, "certificates", status=503, body="<h1>later</h1>", headers={"Content-Type": "text/html"})
    assert log_in(http, simulator).status_code == 200
    answer = http.get(CERTIFICATES, headers=token)

    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (503, "<h1>later</h1>", "text/html")
    assert http.get(CERTIFICATES, headers=token).status_code == 200


def test_raw_answers_can_be_meant_for_a_region_a_status_filter_or_several_requests(
    http: httpx.Client, simulator: Simulator
) -> None:
    token = bearer(http, simulator)
    simulator.play("eu-central-1", "certificates", status=500)
    simulator.play(REGION, "certificates", status=502, for_status="upcoming", times=2)

    def status(which: str) -> int:
        return http.get(CERTIFICATES, params={"status": which}, headers=token).status_code

    assert [status("Current"), status("Upcoming"), status("Upcoming"), status("Upcoming")] == [200, 502, 502, 200]

    simulator.play(None, "token", status=429, times=0)
    assert [log_in(http, simulator, each).status_code for each in (REGION, "eu-west-1", REGION)] == [429] * 3
    simulator.clear()
    assert log_in(http, simulator).status_code == 200


def test_clearing_one_region_leaves_the_others(http: httpx.Client, simulator: Simulator) -> None:
    simulator.play(REGION, "token", status=500)
    simulator.play("eu-central-1", "token", status=500)
    simulator.clear(REGION)

    assert log_in(http, simulator).status_code == 200
    assert log_in(http, simulator, "eu-central-1").status_code == 500


def test_bytes_are_played_as_they_are(http: httpx.Client, simulator: Simulator) -> None:
    content = bytes(range(256))
    simulator.play(REGION, "token", body=content, headers={"Content-Type": "application/octet-stream"})

    assert log_in(http, simulator).content == content


def test_a_body_can_be_cut_its_length_be_wrong_or_the_answer_be_withheld(
    http: httpx.Client, simulator: Simulator
) -> None:
    simulator.play(REGION, "token", body="0123456789", cut=4)
    with pytest.raises(httpx.RemoteProtocolError, match="received 4 bytes, expected 10"):
        log_in(http, simulator)
    simulator.play(REGION, "token", body="0123456789", content_length=11)
    with pytest.raises(httpx.RemoteProtocolError, match="received 10 bytes, expected 11"):
        log_in(http, simulator)
    simulator.play(REGION, "token", close=True)
    with pytest.raises(httpx.TransportError):
        log_in(http, simulator)
    assert [each.status for each in simulator.requests] == [200, 200, 0]
    assert log_in(http, simulator).status_code == 200


def test_an_answer_can_be_late_and_a_body_can_drip(http: httpx.Client, simulator: Simulator) -> None:
    simulator.play(REGION, "token", body="late", delay=0.3)
    began = time.monotonic()
    assert log_in(http, simulator).text == "late"
    assert time.monotonic() - began >= 0.3

    simulator.play(REGION, "token", body="abcdef", drip={"size": 2, "pause": 0.15})
    with http.stream("POST", f"/{REGION}/oauth/token") as answer:
        arrived = [(time.monotonic(), piece) for piece in answer.iter_raw()]
    assert [piece for _, piece in arrived] == [b"ab", b"cd", b"ef"]
    assert arrived[2][0] - arrived[0][0] >= 0.25


def test_closing_ends_delayed_answers_and_kept_connections_at_once(world: World) -> None:
    before = set(threading.enumerate())
    with Simulator(world) as simulator, client_of(simulator) as http:
        assert http.get("/_hosts").status_code == 200
        simulator.play(REGION, "token", delay=60)
        with pytest.raises(httpx.ReadTimeout):
            http.post(f"/{REGION}/oauth/token", timeout=0.1)
        started = set(threading.enumerate()) - before
        began = time.monotonic()
    for thread in started:
        thread.join(timeout=seconds(5))

    assert len(started) >= 2
    assert not any(thread.is_alive() for thread in started)
    assert time.monotonic() - began < seconds(2)


def test_the_control_endpoint_plays_clears_and_reports_mistakes(http: httpx.Client, simulator: Simulator) -> None:
    played = {"region": REGION, "kind": "token", "status": 418, "body_base64": "dGVhcG90", "times": 2}
    assert http.post("/_control/next", json=played).status_code == 200
    answer = log_in(http, simulator)
    assert (answer.status_code, answer.text) == (418, "teapot")
    assert http.post("/_control/clear").status_code == 200
    assert log_in(http, simulator).status_code == 200

    mistakes: tuple[Any, ...] = (
        {**played, "kind": "users"},
        {**played, "body_base64": "%"},
        {**played, "typo": 1},
        {**played, "drip": {"size": 0}},
        [],
    )
    for wrong in mistakes:
        answer = http.post("/_control/next", json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad.request")
    assert log_in(http, simulator).status_code == 200


def test_the_control_endpoint_rotates_leaves(http: httpx.Client, world: World, clock: VirtualClock) -> None:
    region = world.region(REGION)
    before = {each: region.presented(each).fingerprint for each in AUTHORITIES}
    now = http.post("/_control/rotate", json={"region": REGION, "authority": "Genesys", "root": "new"})
    soon = http.post("/_control/rotate", json={"region": REGION, "authority": "DigiCert", "in_seconds": 60})
    assert (now.status_code, soon.status_code) == (200, 200)

    assert region.presented("Genesys").fingerprint != before["Genesys"]
    assert region.root_pem() in region.all_roots_pem().removeprefix(region.root_pem())
    assert region.presented("DigiCert").fingerprint == before["DigiCert"]
    clock.advance(timedelta(seconds=60))
    assert region.presented("DigiCert").fingerprint != before["DigiCert"]
    bad = http.post("/_control/rotate", json={"region": "xx-north-1", "authority": "Genesys"})
    assert bad.status_code == 400
