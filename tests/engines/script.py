"""What the watcher published in a script that ends now, and the clients that knock at it.

The engines judge by the machine's own clock, so the script starts 90 days ago and its virtual time ends at this moment:

- DigiCert: rotated on day 10 to a new intermediate (the old one has left after its grace), and the next leaf, under a
  third intermediate, is announced.
- eu-central-1: rotated on day 6 to a new root, whose old one has left as well.
- us-east-1: the Genesys authority as it always was.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local.environment import Environment
from local.genesys.issuing import Identity
from local.genesys.keys import DEFAULT_CACHE

DAY = timedelta(days=1)
LENGTH = 90
BUNDLES = {"genesys": ("Genesys",), "digicert": ("DigiCert",), "combined": ("Genesys", "DigiCert")}


@dataclass
class Outcome:
    """``published`` holds PEM files by a name of ours; ``clients`` the identities by theirs; ``files`` all objects."""

    published: dict[str, bytes] = field(default_factory=dict)
    clients: dict[str, Identity] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def run_script() -> Outcome:
    """Live through the script; takes some seconds."""
    end = datetime.now(UTC).replace(microsecond=0)
    with Environment(end - LENGTH * DAY, DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment:
        return _run(environment, end)


def _run(environment: Environment, end: datetime) -> Outcome:
    outcome, start = Outcome(), environment.clock()
    east = environment.world.region("us-east-1", days_left={"Genesys": 300, "DigiCert": 92})
    frankfurt = environment.world.region("eu-central-1", days_left=300)
    foreign = environment.world.region("sa-east-1")
    environment.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
    environment.add_source("euc1", "eu-central-1")
    for bundle, authorities in BUNDLES.items():
        sources = ["use1", "euc1"] if bundle == "genesys" else ["use1"]
        environment.add_bundle(bundle, sources, authorities)
        environment.add_trust_store(bundle, bundle, foreign.root_pem())
    environment.configure()
    environment.put(
        "anchors/eu-central-1.pem",
        frankfurt.root_pem() + frankfurt.root_pem(ahead=1),
    )
    outcome.clients["previous Frankfurt"] = frankfurt.presented("Genesys")
    outcome.clients["previous DigiCert"] = east.presented("DigiCert")
    frankfurt.schedule_rotation("Genesys", start + 6 * DAY, root="new")
    east.schedule_rotation("DigiCert", start + 10 * DAY, intermediate="new")
    east.schedule_rotation("DigiCert", start + 120 * DAY, intermediate="new", announce=70 * DAY)
    for day in (0, 3, 6, 6, 10, 10, 37, 42, 55):  # two runs make a rotation; a month later is the time to retire
        environment.clock.go_to(max(start + day * DAY, environment.clock()))
        environment.tick()
        if day == 3:  # the first DigiCert leaf is presented, the second announced
            outcome.published["overlap"] = environment.live_pem("combined") or b""
    environment.put("anchors/eu-central-1.pem", frankfurt.root_pem())
    for moment in (57.0, LENGTH - 0.1):  # what nobody wants any more has its grace at the target
        environment.clock.go_to(start + moment * DAY)
        environment.tick()
    environment.clock.go_to(end)
    for bundle in BUNDLES:
        outcome.published[bundle] = environment.live_pem(bundle) or b""
    announced = east.upcoming("DigiCert")
    if announced is None or environment.clock() != end:
        raise RuntimeError("the script did not end as told")
    outcome.clients |= {
        "current Genesys": east.presented("Genesys"),
        "current Frankfurt": frankfurt.presented("Genesys"),
        "current DigiCert": east.presented("DigiCert"),
        "upcoming DigiCert": announced,
        "somebody else's foreign": foreign.presented("Genesys"),
        "another region's": environment.world.region("us-west-2").presented("Genesys"),
        "another DigiCert customer": east.stranger("other-customer", "DigiCert"),
        "self-made Genesys": east.stranger("self-made-root"),
        "self-made DigiCert": east.stranger("self-made-root", "DigiCert"),
        "expired Genesys": east.stranger("expired"),
        "expired DigiCert": east.stranger("expired", "DigiCert"),
        "not yet valid Genesys": east.stranger("not-yet-valid"),
        "no clientAuth Genesys": east.stranger("no-client-auth"),
        "no clientAuth DigiCert": east.stranger("no-client-auth", "DigiCert"),
    }
    listed = environment.s3.list_objects_v2(Bucket="watcher-bucket")["Contents"]
    outcome.files = {each["Key"]: environment.read(each["Key"]) for each in listed}
    return outcome
