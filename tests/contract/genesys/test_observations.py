"""Observations that succeed, and those that the API refuses for a reason of its own: logins, tokens, pages, limits."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Thread

from local.genesys.world import World
from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.ports import Credentials
from tests.support.observer import EMPTY, REGION, SECRET, Observer

GRANT = {"grant_type": "client_credentials"}


def test_an_observation_gives_what_is_current_and_then_what_is_upcoming_with_one_login(
    observer: Observer, world: World
) -> None:
    published = world.region(REGION).published()
    assert observer.observe() == [
        entity for status in ("Current", "Upcoming") for entity in published if entity["status"] == status
    ]
    assert {entity["status"] for entity in published} == {"Current", "Upcoming"}
    assert observer.asked("/oauth/token") == [200]
    assert observer.asked("/certificates") == [200, 200]


def test_pages_of_one_entity_give_the_same_as_one_page(start: Callable[..., Observer]) -> None:
    narrow = start(page_size=1, largest_page=1)
    assert narrow.observe() == start().observe()
    assert len(narrow.asked("/certificates")) == 3


def test_an_api_that_refuses_parameters_it_does_not_document_is_read_to_its_last_page(
    start: Callable[..., Observer],
) -> None:
    strict = start(page_size=1, largest_page=1, strict=True)
    assert strict.observe() == start().observe()
    assert strict.asked("/certificates") == [200, 200, 200]


def test_the_simulator_refuses_such_a_parameter_when_it_is_strict(start: Callable[..., Observer]) -> None:
    observer = start(strict=True)
    query = {"pageSize": "100"}
    token = observer.simulator.service.token(
        REGION, "Basic " + base64.b64encode(f"{observer.simulator.client_id}:{SECRET}".encode()).decode(), GRANT
    )
    region = observer.simulator.world.region(REGION)
    bearer = f"Bearer {token.body['access_token']}"
    assert observer.simulator.service.certificates(region, bearer, query).status == 400
    assert observer.simulator.service.certificates(region, bearer, {}).status == 200


def test_a_token_serves_over_several_runs_until_its_life_ends(observer: Observer) -> None:
    observer.observe()
    observer.clock.advance(timedelta(hours=23, minutes=58))
    observer.observe()
    assert observer.asked("/oauth/token") == [200]
    observer.clock.advance(timedelta(minutes=1))
    observer.observe()
    assert observer.asked("/oauth/token") == [200, 200]
    assert 401 not in observer.asked("/certificates")


def test_a_token_that_was_revoked_is_replaced_within_the_observation(observer: Observer) -> None:
    observer.observe()
    observer.simulator.revoke_tokens()
    observer.observe()
    assert observer.asked("/oauth/token") == [200, 200]
    assert observer.asked("/certificates") == [200, 200, 401, 200, 200]


def test_a_wrong_secret_is_refused_at_once(observer: Observer) -> None:
    observer.credentials = Credentials(observer.simulator.client_id, "canary-wrong")
    error = observer.fails()
    assert (error.reason, observer.simulator.client_id in str(error)) == (SourceReason.CREDENTIALS_REFUSED, True)
    assert observer.asked("/oauth/token") == [401]


def test_an_unknown_client_is_refused_and_a_secret_in_its_place_is_not_shown(observer: Observer) -> None:
    observer.credentials = Credentials(SECRET, observer.simulator.client_id)
    error = observer.fails()
    assert (error.reason, "swapped" in str(error)) == (SourceReason.CREDENTIALS_REFUSED, True)
    assert observer.asked("/oauth/token") == [400]


def test_a_client_without_the_permission_is_reported_with_the_permissions_name(observer: Observer) -> None:
    observer.simulator.add_client(observer.simulator.client_id, SECRET, permissions=())
    error = observer.fails()
    assert error.reason is SourceReason.PERMISSION_MISSING
    assert "integrations:actionCertificate:view" in str(error)
    assert observer.asked("/certificates") == [403]


def test_a_token_that_is_refused_again_and_again_is_reported_after_one_renewal(observer: Observer) -> None:
    observer.simulator.play(REGION, "certificates", status=401, times=0)
    assert observer.fails().reason is SourceReason.CREDENTIALS_REFUSED
    assert (observer.asked("/oauth/token"), observer.asked("/certificates")) == ([200, 200], [401, 401])


def test_the_failure_of_one_region_never_touches_the_observation_of_another(observer: Observer) -> None:
    observer.simulator.play("eu-central-1", "certificates", body=EMPTY + " " * 10_000, times=0, drip={"pause": 0.05})

    def hold_up() -> None:
        with suppress(SourceError):  # the simulator closes
            observer.observe("eu-central-1")

    slow = Thread(target=hold_up, daemon=True)
    slow.start()
    with ThreadPoolExecutor(9) as threads:
        seen = [*threads.map(lambda _: observer.observe(), range(9))]
    assert [len(entities) for entities in seen] == [3] * 9
    assert slow.is_alive()
