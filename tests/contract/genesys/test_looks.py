"""Looks that succeed, and those that the API refuses for a reason of its own: logins, tokens, pages, limits."""

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.genesys.world import World
from rotation_watcher.errors import SourceReason
from rotation_watcher.ports import Credentials
from tests.support.looker import EMPTY, REGION, SECRET, Looker

GRANT = {"grant_type": "client_credentials"}


def test_a_look_gives_what_is_current_and_then_what_is_upcoming_with_one_login(looker: Looker, world: World) -> None:
    published = world.region(REGION).published()
    assert looker.look() == [
        entity for status in ("Current", "Upcoming") for entity in published if entity["status"] == status
    ]
    assert {entity["status"] for entity in published} == {"Current", "Upcoming"}
    assert looker.asked("/oauth/token") == [200]
    assert looker.asked("/certificates") == [200, 200]


def test_pages_of_one_entity_give_the_same_as_one_page(start: Callable[..., Looker]) -> None:
    narrow = start(page_size=1, largest_page=1)
    assert narrow.look() == start().look()
    assert len(narrow.asked("/certificates")) == 3


def test_an_api_that_refuses_parameters_it_does_not_document_is_read_to_its_last_page(
    start: Callable[..., Looker],
) -> None:
    strict = start(page_size=1, largest_page=1, strict=True)
    assert strict.look() == start().look()
    assert strict.asked("/certificates") == [200, 200, 200]


def test_the_simulator_refuses_such_a_parameter_when_it_is_strict(start: Callable[..., Looker]) -> None:
    looker = start(strict=True)
    query = {"pageSize": "100"}
    token = looker.simulator.service.token(
        REGION, "Basic " + base64.b64encode(f"{looker.simulator.client_id}:{SECRET}".encode()).decode(), GRANT
    )
    region = looker.simulator.world.region(REGION)
    bearer = f"Bearer {token.body['access_token']}"
    assert looker.simulator.service.certificates(region, bearer, query).status == 400
    assert looker.simulator.service.certificates(region, bearer, {}).status == 200


def test_a_token_serves_over_several_runs_until_its_life_ends(looker: Looker) -> None:
    looker.look()
    looker.clock.advance(timedelta(hours=23, minutes=58))
    looker.look()
    assert looker.asked("/oauth/token") == [200]
    looker.clock.advance(timedelta(minutes=1))
    looker.look()
    assert looker.asked("/oauth/token") == [200, 200]
    assert 401 not in looker.asked("/certificates")


def test_a_token_that_was_revoked_is_replaced_within_the_look(looker: Looker) -> None:
    looker.look()
    looker.simulator.revoke_tokens()
    looker.look()
    assert looker.asked("/oauth/token") == [200, 200]
    assert looker.asked("/certificates") == [200, 200, 401, 200, 200]


def test_a_wrong_secret_is_refused_at_once(looker: Looker) -> None:
    looker.credentials = Credentials(looker.simulator.client_id, "canary-wrong")
    error = looker.fails()
    assert (error.reason, looker.simulator.client_id in str(error)) == (SourceReason.CREDENTIALS_REFUSED, True)
    assert looker.asked("/oauth/token") == [401]


def test_an_unknown_client_is_refused_and_a_secret_in_its_place_is_not_shown(looker: Looker) -> None:
    looker.credentials = Credentials(SECRET, looker.simulator.client_id)
    error = looker.fails()
    assert (error.reason, "swapped" in str(error)) == (SourceReason.CREDENTIALS_REFUSED, True)
    assert looker.asked("/oauth/token") == [400]


def test_a_client_without_the_permission_is_told_its_name(looker: Looker) -> None:
    looker.simulator.add_client(looker.simulator.client_id, SECRET, permissions=())
    error = looker.fails()
    assert error.reason is SourceReason.PERMISSION_MISSING
    assert "integrations:actionCertificate:view" in str(error)
    assert looker.asked("/certificates") == [403]


def test_a_token_that_is_refused_again_and_again_is_told_after_one_renewal(looker: Looker) -> None:
    looker.simulator.play(REGION, "certificates", status=401, times=0)
    assert looker.fails().reason is SourceReason.CREDENTIALS_REFUSED
    assert (looker.asked("/oauth/token"), looker.asked("/certificates")) == ([200, 200], [401, 401])


def test_the_trouble_of_one_region_never_touches_the_looks_at_another(looker: Looker) -> None:
    looker.simulator.play("eu-central-1", "certificates", body=EMPTY + " " * 10_000, times=0, drip={"pause": 0.05})

    async def meanwhile() -> list[list[dict[str, Any]]]:
        slow = asyncio.create_task(looker.certificates("eu-central-1"))
        good = await asyncio.gather(*(looker.certificates() for _ in range(9)))
        assert slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        return good

    assert [len(entities) for entities in asyncio.run(meanwhile())] == [3] * 9
