"""The targets of ``month``: some of every kind, each with somebody else's CA in it before anybody watched it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from local.aws.lifecycle import content
from local.base_environment import BUCKET
from local.environment import Environment
from rotation_watcher import keys
from rotation_watcher.targets.record import decode

BUNDLE = "main"
type Adds = Callable[[Environment, str, str], object]


def _listener(environment: Environment, name: str, pem: str) -> None:
    store = environment.add_trust_store(f"{name}-store", BUNDLE, pem)
    environment.watch["targets"].pop()  # the listener alone is a target
    environment.add_listener(name, BUNDLE, store, empty_filters="fill")


def _trust_store(environment: Environment, name: str, pem: str, **more: Any) -> None:
    environment.add_trust_store(name, BUNDLE, pem, **more)


KINDS: dict[str, tuple[int, Adds]] = {
    "trust store": (13, lambda environment, name, pem: _trust_store(environment, name, pem, revocation="off")),
    "trust store with lists": (1, _trust_store),
    "REST domain": (2, lambda environment, name, pem: environment.add_rest_domain(name, BUNDLE, pem)),
    "HTTP domain": (1, lambda environment, name, pem: environment.add_http_domain(name, BUNDLE, pem)),
    "listener": (1, _listener),
    "CloudFront": (1, lambda environment, name, pem: environment.add_cloudfront_trust_store(name, BUNDLE, pem)),
    "files": (1, lambda environment, name, pem: environment.add_file_place(name, BUNDLE, pem)),
}
"""How many of twenty targets are of each kind, and how one is added.

Lists are loaded into a twentieth of the fleet: each new one takes as many calls as a new root, and 18 come at once.
"""
_ORDER = sorted((place / many, kind) for kind, (many, _) in KINDS.items() for place in range(many))


def kinds(targets: int) -> list[str]:
    """The kind of each of so many targets: all kinds come early, so that a small fleet has them too."""
    return [_ORDER[number % len(_ORDER)][1] for number in range(targets)]


def furnish(environment: Environment, targets: int, others: str) -> dict[str, str]:
    """Add so many; each one's kind, by its id."""
    found = {f"t{number:03}": kind for number, kind in enumerate(kinds(targets))}
    for name, kind in found.items():
        KINDS[kind][1](environment, name, others)
    return found


class Needed(NamedTuple):
    """A version that a target loads, or may go back to; ``sha256`` of its content where the record says it."""

    target: str
    key: str
    version: str
    sha256: str


def needed(environment: Environment, targets: Mapping[str, str]) -> Iterator[Needed]:
    """Every version of the stack's bucket that a record speaks of, or that a service says it has loaded."""
    for target, kind in targets.items():
        folder = environment.folder(target)
        key = keys.deployed_filters(folder) if kind == "listener" else keys.deployed(folder)
        record = decode(content(BUCKET, keys.record(folder)))
        spoken = [one for one in (record.applied, record.pending, *record.versions) if one is not None and one.version]
        yield from (Needed(target, key, one.version, one.sha256) for one in spoken)
        if kind.endswith("domain"):
            name = f"{target}.example.com"
            shown = environment.aws.client("apigateway").get_domain_name(domainName=name)["mutualTlsAuthentication"]
            bucket, _, loaded = str(shown["truststoreUri"]).removeprefix("s3://").partition("/")
            if bucket == BUCKET:
                yield Needed(target, loaded, str(shown["truststoreVersion"]), "")
