"""Sessions of the SDK in the name of a role of another account.

The SDK itself takes the role on at the first call, keeps its credentials, and takes it on again before they end
(botocore's ``AssumeRoleCredentialFetcher`` and ``DeferredRefreshableCredentials``): a warm container asks STS about
once an hour for each role, however many regions and targets it is for.
"""

from typing import Any

import boto3
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

from rotation_watcher.adapters import clients
from rotation_watcher.adapters.aws_errors import NO_ANSWER, NoAnswerOfSts

SESSION_NAME = "genesys-certificate-watcher"
"""By what CloudTrail of the other account shows the watcher."""


class _Assumed(CredentialProvider):
    """Gives the credentials of one role."""

    METHOD = "assume-role"
    CANONICAL_NAME = "custom-assume-role"

    def __init__(self, role_arn: str, fetcher: AssumeRoleCredentialFetcher) -> None:
        super().__init__()
        self._role_arn = role_arn
        self._fetcher = fetcher

    def load(self) -> DeferredRefreshableCredentials:
        """See botocore."""
        return DeferredRefreshableCredentials(self._fetch, self.METHOD)

    def _fetch(self) -> Any:
        try:
            return self._fetcher.fetch_credentials()
        except NO_ANSWER as error:
            raise NoAnswerOfSts(role=self._role_arn, why=error) from error


class Roles:
    """The sessions of all roles, each taken on at its first call. What services' models say is read once for all."""

    def __init__(self) -> None:
        self._own = clients.core_session()
        self._sessions: dict[tuple[str, str | None], boto3.Session] = {}

    def session(self, role_arn: str, external_id: str | None) -> boto3.Session:
        """The session of a role, whatever the regions. What STS refuses its calls raise, as an error of AssumeRole."""
        role = (role_arn, external_id)
        if role not in self._sessions:
            self._sessions[role] = self._made(role_arn, external_id)
        return self._sessions[role]

    def _made(self, role_arn: str, external_id: str | None) -> boto3.Session:
        more = {"RoleSessionName": SESSION_NAME} | ({"ExternalId": external_id} if external_id else {})
        fetcher = AssumeRoleCredentialFetcher(
            lambda *_, **__: clients.make("sts"), self._own.get_credentials(), role_arn, extra_args=more
        )
        other = clients.core_session()
        other.register_component("credential_provider", CredentialResolver([_Assumed(role_arn, fetcher)]))
        other.register_component("data_loader", self._own.get_component("data_loader"))
        return boto3.Session(botocore_session=other)
