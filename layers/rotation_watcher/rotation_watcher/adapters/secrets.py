"""Secrets by ARN, from SSM or Secrets Manager, through Powertools' cache (five minutes)."""

from functools import cached_property

from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, TransformParameterError
from botocore.exceptions import BotoCoreError

from rotation_watcher.adapters import clients
from rotation_watcher.adapters.aws_errors import NO_ANSWER
from rotation_watcher.errors import SourceError, SourceReason

MAX_AGE = 300
"""Seconds for which a secret is cached: a changed secret is used within this time."""


class AwsSecrets:
    """``ports.Secrets``; the service follows from the ARN. Of its two clients the one that is asked is made."""

    @cached_property
    def _ssm(self) -> SSMProvider:
        return SSMProvider(boto3_client=clients.make("ssm"))

    @cached_property
    def _secrets(self) -> SecretsProvider:
        return SecretsProvider(boto3_client=clients.make("secretsmanager"))

    def get(self, arn: str) -> str:
        """See ``ports.Secrets``. The error holds the ARN and the service's message, never the content.

        A secret that was stored as bytes is read as UTF-8.
        """
        try:
            if arn.split(":", 3)[2:3] == ["ssm"]:
                value = self._ssm.get(parameter_name(arn), max_age=MAX_AGE, decrypt=True)
            else:
                value = self._secrets.get(arn, max_age=MAX_AGE)
        except (GetParameterError, TransformParameterError, BotoCoreError) as error:
            if isinstance(error.__context__ or error, NO_ANSWER):  # Powertools raises its own, while handling this
                words = f"The secret {arn} cannot be read, its service does not answer: {error}"
                raise SourceError(SourceReason.UNREACHABLE, words) from error
            raise SourceError(
                SourceReason.CREDENTIALS_MISSING,
                f"The secret {arn} cannot be read: {str(error).rstrip('.')}. Check that it exists, that the template's"
                " parameters name it, and that its KMS key may be used.",
            ) from error
        try:
            return value.decode() if isinstance(value, bytes) else str(value)
        except UnicodeDecodeError:
            words = f"The secret {arn} holds bytes that are no text: store it as text."
            raise SourceError(SourceReason.CREDENTIALS_MISSING, words) from None


def parameter_name(arn: str) -> str:
    """The name under which SSM is asked for a parameter.

    ``…:parameter/genesys/oauth`` is ``/genesys/oauth``; ``…:parameter/oauth`` may be ``/oauth`` or ``oauth``, and their
    ARNs are equal, so the ARN itself is used (SSM accepts ARNs as names).
    """
    name = arn.partition(":parameter")[2]
    return name if name.count("/") > 1 else arn
