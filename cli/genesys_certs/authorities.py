"""Which signing authority an organisation's data actions use, as Genesys Cloud says itself.

A data actions integration (type ``custom-rest-actions``) has the property ``clientCertificateAuthority``. To read it an
OAuth client needs ``integrations:integration:view``, which the watcher never needs: where it may not, nobody knows. The
endpoints are those of the official SDK; that the property holds the authority's name is not documented.
"""

from collections.abc import Callable, Iterable
from typing import Any

import httpx

from rotation_watcher.config import Authority
from rotation_watcher.ports import Credentials

TYPE, PROPERTY = "custom-rest-actions", "clientCertificateAuthority"
_MOST = 50
"""Integrations that are asked about."""


def of_integrations(
    make: Callable[[], httpx.Client], api_url: str, login_url: str, credentials: Credentials
) -> frozenset[Authority] | None:
    """The authorities that the integrations are set to; None where that cannot be found out."""
    try:
        return _ask(make, api_url, login_url, credentials)
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return None  # a help and no need: the operator is asked instead


def _ask(
    make: Callable[[], httpx.Client], api_url: str, login_url: str, credentials: Credentials
) -> frozenset[Authority] | None:
    with make() as http:
        grant = http.post(
            f"{login_url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(credentials.client_id, credentials.client_secret),
        )
        headers = {"Authorization": f"Bearer {grant.raise_for_status().json()['access_token']}"}
        listed = http.get(f"{api_url}/api/v2/integrations", params={"pageSize": "100"}, headers=headers)
        ids = [*_data_actions(listed.raise_for_status().json()["entities"])][:_MOST]
        found = set()
        for one in ids:
            answer = http.get(f"{api_url}/api/v2/integrations/{one}/config/current", headers=headers)
            said = str(answer.raise_for_status().json()["properties"].get(PROPERTY, ""))
            found |= {authority for authority in Authority if authority.value.lower() in said.lower()}
    return frozenset(found) or None


def _data_actions(entities: Iterable[Any]) -> Iterable[str]:
    for one in entities:
        if one["integrationType"]["id"] == TYPE and str(one["id"]).replace("-", "").isalnum():
            yield str(one["id"])
