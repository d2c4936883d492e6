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
    return sdk.api_client.ApiClient(host=simulator.api_url(REGION))


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


@pytest.mark.parametrize(
    ("client_id", "secret", "status", "error"),
    [("nobody", "x", 400, "client not found"), (None, "wrong", 401, "authentication failed")],
)
def test_the_sdk_reports_a_wrong_login(
    client_id: str | None, secret: str, status: int, error: str, sdk: Any, client: Any, simulator: Simulator
) -> None:
    with pytest.raises(sdk.rest.ApiException) as caught:
        client.get_client_credentials_token(client_id or simulator.client_id, secret)

    assert caught.value.status == status
    assert error in json.loads(caught.value.body)["error_description"]


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
            # The SDK's transport waits as long as Retry-After says and asks again, and it obeys no limit: be brief.
            simulator.service.rate_limit = 1
            clock.advance(timedelta(seconds=59))
    with pytest.raises(Exception, match=str(status)) as caught:
        api.get_integrations_actions_certificates()

    if status == 429:
        assert type(caught.value).__name__ == "MaxRetryError"
        return
    assert caught.value.status == status  # type: ignore[attr-defined]  # the SDK's ApiException
    body = json.loads(caught.value.body)  # type: ignore[attr-defined]  # likewise
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
