"""Start and stop the embedded AWS, and everything that a test may ask of it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import Lock, Thread
from typing import Any, Self

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from moto import settings
from moto.apigateway.models import RestAPI
from moto.apigateway.responses import APIGatewayResponse
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.elbv2.responses import ELBV2Response
from moto.events.responses import EventsHandler
from moto.s3.responses import S3Response
from moto.sns.models import Subscription, sns_backends
from moto.sns.responses import SNSResponse
from werkzeug.serving import BaseWSGIServer, make_server

from local.aws import (
    caller_rights,
    cloudfront,
    direct,
    domains_http,
    domains_rest,
    encryption,
    enforcing,
    exports,
    file_events,
    lean,
    listeners,
    plain_lists,
    public_access,
    routing_rules,
    tags,
)
from local.aws.calls import CallLog
from local.aws.cloudfront import CloudFrontTrustStores
from local.aws.distribution_calls import Distributions
from local.aws.domains import Domains
from local.aws.events import Event, Events
from local.aws.faults import Fault, Faults
from local.aws.front import Front
from local.aws.keeping_handler import KeepingHandler, end_connections
from local.aws.knobs import ClockFunction, Knobs
from local.aws.other_place import OtherPlace
from local.aws.patching import patched
from local.aws.presigned import Downloads
from local.aws.revocations import Revocations
from local.aws.subscriptions import Subscriptions
from local.aws.trust_stores import TrustStores
from local.genesys.issuing import issue, subject

ACCESS_KEY, SECRET_KEY = "AKIAEMBEDDEDAWS00000", "embedded-aws-takes-any-secret"
_running, _making_clients = Lock(), Lock()


class EmbeddedAws:
    """An AWS on a free port of 127.0.0.1, as a context manager.

    ``clock`` gives aware UTC; pre-signed URLs, UPDATING and the pace of updates go by it. ``region`` is the default
    one. ``direct``: clients of this process reach it without a socket (``direct``). ``knobs`` are the fields of
    ``Knobs``, which stay changeable as ``.knobs``. moto keeps its state per process, not per server: it is wiped at
    start and at stop, and a second server in the same process is refused with RuntimeError.
    """

    def __init__(self, clock: ClockFunction, *, region: str = "us-east-1", direct: bool = False, **knobs: Any) -> None:
        self._direct = direct
        self.knobs = Knobs(**knobs)
        self.region = region
        self.account = DEFAULT_ACCOUNT_ID
        self.url = ""
        self.calls = CallLog()
        self.faults = Faults()
        self._downloads = Downloads(clock, self.knobs)
        self._stores = TrustStores(self.knobs, self._downloads, lambda: self.url)
        self._domains = Domains(clock, self.knobs)
        self._subscriptions = Subscriptions(clock)
        self._events = Events()
        self.trust_stores_of_cloudfront = CloudFrontTrustStores(clock, self.knobs)
        self._distributions = Distributions(clock, self.knobs, self.trust_stores_of_cloudfront)
        self.trust_stores_of_cloudfront.status_of = self._distributions.status
        self._certificates: dict[str, str] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._patches = ExitStack()
        self.invoked: list[tuple[str, bytes]] = []
        """The functions that were invoked asynchronously, each with its event; nothing runs them."""
        self.functions: dict[str, Callable[[Any], Any]] = {}
        """What answers synchronous invocations, by the function's name."""
        self._server: BaseWSGIServer | None = None
        self._thread: Thread | None = None

    def start(self) -> Self:
        """Listen. Raises RuntimeError if another one runs in this process."""
        if not _running.acquire(blocking=False):
            raise RuntimeError("moto's state is global: only one EmbeddedAws may run in a process")
        _forget_everything()
        self._certificates.clear()
        self._subscriptions.forget()
        self._events.taken.clear()
        self.trust_stores_of_cloudfront.forget()
        self._distributions.forget()
        self._clients.clear()
        self._patch()
        front = Front(lean.dispatcher(), self.calls, self.faults, self._downloads, self.functions)
        self.invoked = front.invoked
        server = make_server("127.0.0.1", 0, front, threaded=True, request_handler=KeepingHandler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        if self._direct:
            self._patches.enter_context(direct.served(self.url, front))
        self._server = server
        # The short poll makes stopping quick; werkzeug looks for the end only that often.
        self._thread = Thread(target=server.serve_forever, args=(0.02,), name="embedded-aws", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, give moto its own operations back, and wipe its state. Harmless when not running."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()  # werkzeug closes the socket when serve_forever ends
        end_connections(self._server)
        self._server = self._thread = None
        _forget_everything()
        self._patches.close()
        _running.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """Return the variables with which unmodified boto3 code, here or in a child process, talks to this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def client(self, service: str, region: str | None = None) -> Any:
        """Return this server's boto3 client of a service and region; made once, as that takes longer than ten calls."""
        place = region or self.region
        if (service, place) not in self._clients:
            self._clients[service, place] = self.new_client(service, place)
        return self._clients[service, place]

    def new_client(self, service: str, region: str | None = None) -> Any:
        """Return a boto3 client of one's own, which never retries and heeds no environment."""
        config = Config(retries={"total_max_attempts": 1}, proxies={}, connect_timeout=5, read_timeout=30)
        with _making_clients:  # a session may be shared by threads, but not while it makes a client
            make: Any = _session().client
            return make(service, region_name=region or self.region, endpoint_url=self.url, config=config)

    def make_bucket(self, name: str, *, region: str | None = None, versioned: bool = True) -> str:
        """Create a bucket, versioned unless asked otherwise, and return its name."""
        place = region or self.region
        s3 = self.client("s3", place)
        where = {} if place == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": place}}
        s3.create_bucket(Bucket=name, **where)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def encrypt_bucket(self, name: str, key: str) -> None:
        """Let a KMS key encrypt what is put from now on, as the template does where one is given."""
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        self.client("s3").put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True}]
            },
        )

    def certificate(self, region: str | None = None) -> str:
        """Return the ARN of a certificate for *.example.com.

        Imported: a requested one has an RSA key, which takes longer to make than all the rest of an account.
        """
        place = region or self.region
        if place not in self._certificates:
            self._certificates[place] = self.import_certificate(self.client("acm", place))
        return self._certificates[place]

    def import_certificate(self, acm: Any) -> str:
        """Give that account and region a certificate for *.example.com; its ARN."""
        key, certificate = _server_certificate()
        return str(acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"])

    def at(self, region: str | None = None, account: str | None = None) -> OtherPlace:
        """Another region or account, as somebody who works there has it."""
        return OtherPlace(self, region or self.region, account)

    def live_lists(self, arn: str) -> list[bytes]:
        """Return the revocation lists (PEM) of a trust store, oldest first. Raises KeyError. No call is logged."""
        store = self._stores.by_arn(arn)
        if store is None:
            raise KeyError(arn)
        return [one.content for _, one in sorted(store.revocations.items())]

    def live_bundle(self, arn: str) -> bytes | None:
        """Return the bundle that clients of a trust store or domain meet now; None where mTLS is off. Raises KeyError.

        A domain that is UPDATING still has the one before. No call is logged for this.
        """
        if ":trust-store/" in arn:
            return self.trust_stores_of_cloudfront.by_arn(arn).bundle
        if ":truststore/" in arn:
            store = self._stores.by_arn(arn)
            if store is None:
                raise KeyError(arn)
            return store.bundle
        _, _, _, region, _, path = arn.split(":", 5)
        name = path.removeprefix("/domainnames/")
        truststore = self._domains.in_use(self._domains.account_of(region, name), name)
        return truststore.bundle if truststore else None

    def fail_next(
        self,
        service: str,
        operation: str,
        code: str,
        status: int = 400,
        times: int = 1,
        message: str = "This fault was ordered by a test.",
        *,
        after: bool = False,
    ) -> None:
        """Let the next ``times`` calls of the operation (botocore's names: "elbv2", "ModifyTrustStore") fail.

        With ``after`` the call takes effect, and only its answer is lost.
        """
        self.faults.add(service, operation, Fault(code, status, message, after), times)

    def stale_reads(self, trust_store_arn: str, reads: int) -> None:
        """Let the next ``reads`` GetTrustStoreCaCertificatesBundle give the previous bundle. Raises KeyError.

        May be ordered ahead of the change: reads of a store that never changed do not count.
        """
        store = self._stores.by_arn(trust_store_arn)
        if store is None:
            raise KeyError(trust_store_arn)
        store.stale_reads = reads

    @property
    def events(self) -> list[Event]:
        """The events that buses took, oldest first."""
        return self._events.taken

    def confirm(self, endpoint: str, region: str | None = None) -> None:
        """Somebody opens the link in the mail about every subscription of an endpoint. Raises KeyError: none waits."""
        self._subscriptions.confirm(sns_backends[self.account][region or self.region], endpoint)

    def settle(self) -> None:
        """Make every domain that is UPDATING AVAILABLE."""
        self._domains.settle()

    @contextmanager
    def enforced_iam(self) -> Iterator[list[enforcing.Asked]]:
        """Let moto check signatures and policies for the length of the block; the list grows with what it was asked.

        API Gateway stays open to everybody: moto derives its actions wrongly, ``GetDomainName`` where IAM has the verb
        ``GET``. Nor does it apply bucket and queue policies, or distinguish a missing object from a forbidden one.
        """
        read, before = self.knobs.read_object, settings.INITIAL_NO_AUTH_ACTION_COUNT
        with enforcing.mended() as asked:
            self.knobs.read_object = caller_rights.in_callers_name(read)
            settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
            try:
                yield asked
            finally:
                settings.INITIAL_NO_AUTH_ACTION_COUNT = before
                self.knobs.read_object = read

    @contextmanager
    def unenforced_iam(self) -> Iterator[None]:
        """Inside ``enforced_iam``: for the length of the block everybody may do everything again."""
        before, settings.INITIAL_NO_AUTH_ACTION_COUNT = settings.INITIAL_NO_AUTH_ACTION_COUNT, float("inf")
        try:
            yield
        finally:
            settings.INITIAL_NO_AUTH_ACTION_COUNT = before

    def _patch(self) -> None:
        elb = self._stores.operations() | Revocations(self._stores, self.knobs).operations()
        elb |= listeners.operations(self._stores.exists)
        self._patches.enter_context(patched(ELBV2Response, elb))
        self._patches.enter_context(patched(S3Response, plain_lists.operations()))
        self._patches.enter_context(encryption.other_etags())
        self._patches.enter_context(patched(SNSResponse, self._subscriptions.operations()))
        self._patches.enter_context(patched(EventsHandler, self._events.operations()))
        self._patches.enter_context(patched(Subscription, self._subscriptions.deliveries()))
        rest = domains_rest.operations(self._domains) | exports.rest_operations()
        self._patches.enter_context(patched(APIGatewayResponse, rest))
        self._patches.enter_context(patched(RestAPI, domains_rest.rest_api_mendings()))
        self._patches.enter_context(routing_rules.routed())
        self._patches.enter_context(exports.routed())
        self._patches.enter_context(cloudfront.routed())
        at_cloudfront = self.trust_stores_of_cloudfront.operations() | self._distributions.operations()
        self._patches.enter_context(patched(CloudFrontResponse, at_cloudfront))
        http = domains_http.operations(self._domains) | exports.http_operations()
        self._patches.enter_context(patched(ApiGatewayV2Response, http))
        self._patches.enter_context(patched(S3Response, tags.operations()))
        self._patches.enter_context(file_events.mended())
        self._patches.enter_context(public_access.blocked_at_first())
        self._patches.enter_context(lean.lean())


@cache
def _server_certificate() -> tuple[str, str]:
    """Return an EC key and a self-signed certificate for *.example.com, as PEM."""
    begin, name = datetime.now(UTC) - timedelta(days=1), "*.example.com"
    key = ec.generate_private_key(ec.SECP256R1())
    made = issue(None, subject(name), key, begin, begin + timedelta(days=3650), san=[x509.DNSName(name)])
    return made.key_pem(), made.pem()


@cache
def _session() -> boto3.session.Session:
    """Return one session for all clients: it keeps the service models, which take long to read."""
    return boto3.session.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY)


def _forget_everything() -> None:
    """Wipe moto's state, and switch the enforcement of IAM off, which a test may have switched on."""
    BackendDict.reset()
    reset_model_data()
    settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
    ActionAuthenticatorMixin.request_count = 0
