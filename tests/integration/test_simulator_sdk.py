"""The official Genesys SDK is the judge of the simulator: what it accepts, a real client would."""

import importlib
import json
import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.genesys.clock import VirtualClock
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.server import Simulator
from local.genesys.world import World

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
        # The SDK looks for a configuration in the home directory and watches it; its code warns when it is compiled.
        environment.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        warnings.simplefilter("ignore")
        module = importlib.import_module("PureCloudPlatformClientV2")
        module.Configuration().live_reload_config = False
        yield module


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def simulator(clock: VirtualClock) -> Iterator[Simulator]:
    world = World(clock, DEFAULT_CACHE, root_key_bits=2048)
    world.region(REGION, days_left=80)
    with Simulator(world) as simulator:
        yield simulator


@pytest.fixture
def client(sdk: Any, simulator: Simulator) -> Any:
    configuration = sdk.Configuration()
    configuration.ssl_ca_cert = str(simulator.ca_file)
    configuration.ssl_context = None  # it keeps the context of the first client, and this CA file is new
    client = sdk.api_client.ApiClient(host=simulator.api_url(REGION))
    # By itself it obeys Retry-After, in real seconds and ten times over, before it reports a 429.
    client.get_http_client().rest_client.pool_manager.connection_pool_kw["retries"].total = 0
    return client


def test_the_sdk_logs_in_and_lists_both_statuses(sdk: Any, client: Any, simulator: Simulator) -> None:
    client.get_client_credentials_token(simulator.client_id, simulator.client_secret)
    api = sdk.IntegrationsApi(client)
    found = {
        status: api.get_integrations_actions_certificates(status=status, type="Client")
        for status in ("Current", "Upcoming")
    }

    published = simulator.world.region(REGION).published()
    for status, listing in found.items():
        wanted = [each for each in published if each["status"] == status]
        assert [(each.signing_authority, each.certificate, each.status, each.type) for each in listing.entities] == [
            (each["signingAuthority"], each["certificate"], status, "Client") for each in wanted
        ]
        assert (listing.total, listing.page_number, listing.page_count, listing.next_uri) == (len(wanted), 1, 1, None)
        assert listing.self_uri.startswith("/api/v2/integrations/actions/certificates?status=")
    assert [each.signing_authority for each in found["Upcoming"].entities] == ["DigiCert"]


def test_the_sdk_knows_every_field_that_is_sent(sdk: Any, client: Any, simulator: Simulator) -> None:
    simulator.service.page_size = 1
    client.get_client_credentials_token(simulator.client_id, simulator.client_secret)
    token = client.access_token
    answer = client.get_http_client().rest_client.pool_manager.request(
        "GET",
        f"{simulator.api_url(REGION)}/api/v2/integrations/actions/certificates?pageNumber=2",
        headers={"Authorization": f"Bearer {token}"},
    )
    sent = json.loads(answer.data)

    assert set(sent) == set(sdk.ActionCertificateListing().attribute_map.values())
    assert set(sent["entities"][0]) == set(sdk.ActionCertificate().attribute_map.values())


def test_the_sdk_reports_an_unknown_client_and_a_wrong_secret(sdk: Any, client: Any, simulator: Simulator) -> None:
    for client_id, secret, status, description in (
        ("nobody", "x", 400, "client not found: invalid_client"),
        (simulator.client_id, "wrong", 401, "authentication failed: invalid_client"),
    ):
        with pytest.raises(sdk.rest.ApiException) as caught:
            client.get_client_credentials_token(client_id, secret)
        assert caught.value.status == status
        assert json.loads(caught.value.body)["error_description"] == description


@pytest.mark.parametrize("status", [401, 403, 429])
def test_the_sdk_reports_the_errors_of_the_platform_and_knows_their_fields(
    status: int, sdk: Any, client: Any, simulator: Simulator, clock: VirtualClock
) -> None:
    client.get_client_credentials_token(simulator.client_id, simulator.client_secret)
    api = sdk.IntegrationsApi(client)
    api.get_integrations_actions_certificates()
    match status:
        case 401:
            clock.advance(timedelta(days=1))
        case 403:
            simulator.add_client(simulator.client_id, simulator.client_secret, [])
        case 429:
            simulator.service.rate_limit = 1
    with pytest.raises(sdk.rest.ApiException) as caught:
        api.get_integrations_actions_certificates()

    assert caught.value.status == status
    body = json.loads(caught.value.body)
    assert body["status"] == status
    assert set(body) <= set(sdk.ErrorBody().attribute_map.values())


def test_the_sdk_refuses_a_simulator_whose_ca_it_was_not_given(sdk: Any, simulator: Simulator) -> None:
    configuration = sdk.Configuration()
    configuration.ssl_ca_cert = None
    configuration.ssl_context = None
    stranger = sdk.api_client.ApiClient(host=simulator.api_url(REGION))

    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.get_client_credentials_token(simulator.client_id, simulator.client_secret)
    assert isinstance(configuration.ssl_context, ssl.SSLContext)
    assert simulator.requests == []
