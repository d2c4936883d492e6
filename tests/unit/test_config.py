import json
from typing import Any

import msgspec
import pytest

from rotation_watcher import arns, config
from rotation_watcher.config import Authority, Mode
from rotation_watcher.errors import ConfigurationError

STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/main/73e2d6bc24d8a067"
DOMAIN = "arn:aws:apigateway:us-east-1::/domainnames/api.example.com"
SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys/oauth"


def document(**changes: Any) -> dict[str, Any]:
    return {
        "mode": "apply",
        "sources": [
            {"id": "use1", "region": "us-east-1", "credentials": SECRET, "authorities": ["Genesys", "DigiCert"]}
        ],
        "bundles": [{"id": "main", "sources": ["use1"], "extra": ["extra/partner.pem"]}],
        "targets": [
            {"id": "alb", "arn": STORE, "bundle": "main"},
            {"id": "api", "arn": DOMAIN, "bundle": "main", "on_drift": "report", "unknown": "remove"},
        ],
        "policy": {"confirmations": 3},
    } | changes


def mistakes(value: object) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        config.from_document(value, stack_region="us-east-1")
    return sorted(caught.value.mistakes)


def paths(value: object) -> list[str]:
    return [mistake.split(": ")[0] for mistake in mistakes(value)]


def test_a_whole_watch_file_is_read_with_the_defaults_of_what_it_leaves_out() -> None:
    watch = config.load(json.dumps(document()).encode(), stack_region="us-east-1")
    assert watch.mode is Mode.APPLY
    assert watch.sources[0].authorities == (Authority.GENESYS, Authority.DIGICERT)
    assert watch.sources[0].anchors_key == "anchors/us-east-1.pem"
    assert watch.sources[0].resolved_api_url == "https://api.mypurecloud.com"
    assert (watch.policy.confirmations, watch.policy.retain_days, watch.policy.max_removals) == (3, 30, 2)
    assert (watch.targets[0].on_drift, watch.targets[0].unknown) == ("heal", "keep")
    assert [target.limit for target in watch.targets] == [25, 1000]


DOOR = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/door/73e2d6bc24d8a067/0a1b2c3d4e5f6071"


def test_a_listener_is_not_filled_unless_the_operator_says_so() -> None:
    watch = config.from_document(
        document(targets=[{"id": "door", "arn": DOOR, "bundle": "main"}]), stack_region="us-east-1"
    )
    assert (watch.targets[0].empty_filters, watch.targets[0].limit) == ("keep", 100)


def test_settings_of_another_kind_of_target_are_refused_with_the_way_out() -> None:
    targets = [
        {"id": "alb", "arn": STORE, "bundle": "main", "empty_filters": "fill"},
        {"id": "door", "arn": DOOR, "bundle": "main", "unknown": "remove", "max_certificates": 101},
    ]
    found = mistakes(document(targets=targets))
    assert [one.split(": ")[0] for one in found] == [
        "targets[0].empty_filters",
        "targets[1].max_certificates",
        "targets[1].unknown",
    ]
    assert "by hand" in found[2]


def test_the_mode_is_observe_unless_the_operator_says_otherwise() -> None:
    changed = document()
    del changed["mode"]
    assert config.from_document(changed, stack_region="us-east-1").mode is Mode.OBSERVE


def test_every_mistake_of_shape_is_listed_at_once_with_its_path() -> None:
    wrong = document(
        modus="apply",
        sources=[{"id": "Not An Id", "region": 7, "authorities": ["Verisign"], "colour": "red"}, "use2"],
        targets={"id": "alb"},
        policy={"confirmations": 0, "max_removed_share": 2, "expiry_days": [0]},
    )
    assert paths(wrong) == [
        "bundles[0].sources[0]",
        "modus",
        "policy.confirmations",
        "policy.expiry_days[0]",
        "policy.max_removed_share",
        "sources[0].authorities[0]",
        "sources[0].colour",
        "sources[0].credentials",
        "sources[0].id",
        "sources[0].region",
        "sources[1]",
        "targets",
    ]


@pytest.mark.parametrize(
    ("start", "end", "weekends", "words"),
    [
        ("00:00", "23:59", False, "leave 1 minute of a day"),
        ("07:30", "07:00", False, "leave 30 minutes of a day"),
        ("19:00", "19:00", False, "is no time at all"),
        ("19:00", "19:00", True, ""),
        ("08:00", "07:00", False, ""),
        ("19:00", "07:00", True, ""),
    ],
)
def test_quiet_hours_leave_time_in_which_information_is_told(
    start: str,
    end: str,
    weekends: bool,  # noqa: FBT001  # a row
    words: str,
) -> None:
    asked = document(policy={"quiet_hours": {"start": start, "end": end, "weekends": weekends}})
    if not words:
        assert config.from_document(asked, stack_region="us-east-1").policy.quiet_hours is not None
        return
    (mistake,) = mistakes(asked)
    assert mistake.startswith("policy.quiet_hours: ")
    assert words in mistake


def test_every_mistake_of_meaning_is_listed_at_once_with_its_path() -> None:
    wrong = document()
    wrong["sources"].append({"id": "use1", "region": "moon-1", "credentials": "secret", "login_url": "http://x"})
    wrong["bundles"][0] |= {"sources": ["use1", "gone"], "extra": ["anchors/partner.pem"]}
    wrong["bundles"].append({"id": "empty", "sources": []})
    wrong["targets"][0] |= {"arn": STORE.replace("us-east-1", "eu-west-1"), "bundle": "none"}
    wrong["targets"].append({"id": "api", "arn": DOMAIN, "bundle": "main"})
    wrong["targets"].append({"id": "nlb", "arn": "arn:aws:s3:::bucket", "bundle": "main"})
    assert paths(wrong) == [
        "bundles[0].extra[0]",
        "bundles[0].sources[1]",
        "bundles[1].sources",
        "sources[1].api_url",
        "sources[1].credentials",
        "sources[1].id",
        "sources[1].login_url",
        "targets[0].arn",
        "targets[0].bundle",
        "targets[2].arn",
        "targets[2].id",
        "targets[3].arn",
    ]


@pytest.mark.parametrize("folder", ["sources", "bundles", "targets"])
def test_the_roots_to_trust_may_not_lie_where_functions_write(folder: str) -> None:
    wrong = document()
    wrong["sources"][0]["anchors"] = f"{folder}/use1/root.pem"
    (mistake,) = mistakes(wrong)
    assert mistake.startswith(f"sources[0].anchors: '{folder}/use1/root.pem' lies where functions write")
    wrong["sources"][0]["anchors"] = f"anchors/{folder}/root.pem"
    assert config.from_document(wrong, stack_region="us-east-1").sources[0].anchors


@pytest.mark.parametrize(
    "url", ["http://x", "x", "https://", "https://x:99999", "https://x:0", "https://[x", "ftp://x"]
)
def test_an_address_that_is_no_https_url_is_named(url: str) -> None:
    wrong = document()
    wrong["sources"][0]["api_url"] = url
    assert mistakes(wrong) == [f"sources[0].api_url: {url!r} is no https:// URL"]


def test_a_bundle_may_not_ask_for_an_authority_that_its_source_does_not_observe() -> None:
    wrong = document(bundles=[{"id": "main", "sources": ["use1"], "authorities": ["DigiCert"]}])
    wrong["sources"][0]["authorities"] = ["Genesys"]
    assert mistakes(wrong) == ["bundles[0].authorities: source 'use1' does not read DigiCert"]


@pytest.mark.parametrize("value", [None, [], "text", 7, {"sources": []}, {}])
def test_what_is_no_watch_file_at_all_is_refused_in_words(value: object) -> None:
    assert mistakes(value)


def test_broken_json_is_refused_in_words() -> None:
    with pytest.raises(ConfigurationError, match=r"^\$: not valid JSON"):
        config.load(b"{", stack_region="us-east-1")


def test_a_proven_name_is_enforced_a_guessed_one_is_not_and_the_operators_always() -> None:
    def enforced(authority: str = "Genesys", **source: str) -> tuple[str, ...]:
        base = {"id": "x", "credentials": SECRET, "api_url": "https://a", "login_url": "https://b"}
        watch = config.from_document({"sources": [base | source]}, stack_region="us-east-1")
        return watch.sources[0].enforced_names(authority)

    assert enforced(region="us-east-1") == ("dataactions.prod.us-east-1.mypurecloud.com",)
    assert enforced(region="mx-central-1") == ()
    assert enforced(region="eusc-de-east-1") == ()
    assert enforced(region="moon-1") == ()
    assert enforced("DigiCert", region="us-east-1") == ()
    for authority in ("Genesys", "DigiCert"):
        assert enforced(authority, region="us-east-1", client_name="own.example.com") == ("own.example.com",)


def test_the_simple_case_makes_a_watch_file_of_the_parameters() -> None:
    watch = config.simple(
        mode="observe",
        region="us-east-1",
        authorities=["Genesys", ""],
        credentials=[SECRET],
        targets=[STORE, DOMAIN, ""],
        stack_region="us-east-1",
    )
    assert [source.id for source in watch.sources] == ["us-east-1"]
    assert [(target.id, target.bundle) for target in watch.targets] == [("main", "main"), ("api-example-com", "main")]


@pytest.mark.parametrize("order", [1, -1])
def test_targets_given_by_arn_keep_their_ids_whatever_else_is_listed_and_in_whatever_order(order: int) -> None:
    alike = [DOMAIN.replace("api.", "*."), DOMAIN.replace("api.", ""), STORE, STORE.replace("main", "Main")]
    watch = config.simple(
        mode="observe",
        region="us-east-1",
        authorities=["Genesys"],
        credentials=[SECRET],
        targets=[*alike, DOMAIN][::order],
        stack_region="us-east-1",
    )
    alone = {name: arn for arn in [*alike, DOMAIN] for name in arns.target_ids([arn])}
    assert {target.id: target.arn for target in watch.targets} == alone


@pytest.mark.parametrize("path", ["sources[0].credentials", "targets[0].arn"])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("us-east-1", "eu-west-1"), "is in eu-west-1, this stack is in us-east-1"),
        (("123456789012", "999999999999"), "is of the account 999999999999, this stack of 123456789012"),
    ],
)
def test_a_secret_or_target_of_another_region_or_account_is_refused(
    path: str, change: tuple[str, str], why: str
) -> None:
    wrong = document()
    if path.startswith("sources"):
        wrong["sources"][0]["credentials"] = SECRET.replace(*change)
    else:
        wrong["targets"][0]["arn"] = STORE.replace(*change)
    with pytest.raises(ConfigurationError) as caught:
        config.from_document(wrong, stack_region="us-east-1", stack_account="123456789012")

    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"{path}: ")
    assert why in mistake


def test_accounts_are_not_compared_where_the_stack_does_not_know_its_own() -> None:
    wrong = document()
    wrong["sources"][0]["credentials"] = SECRET.replace("123456789012", "999999999999")
    assert config.from_document(wrong, stack_region="us-east-1").sources


def test_the_simple_case_without_its_parameters_names_them() -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.simple(mode="apply", region="", authorities=[], credentials=[], targets=[], stack_region="us-east-1")
    assert [mistake.split(":")[0] for mistake in caught.value.mistakes] == ["GenesysRegion", "CredentialArns"]


def test_the_json_schema_knows_every_field() -> None:
    schema = config.json_schema()
    assert set(schema["$defs"]) >= {"Watch", "Source", "Bundle", "Target", "Policy"}
    assert set(schema["$defs"]["Target"]["properties"]) == {
        "id",
        "arn",
        "bundle",
        "on_drift",
        "unknown",
        "max_certificates",
        "revocation",
        "shared_authority",
        "empty_filters",
        "role_arn",
        "external_id",
        "bucket_account",
    }


def test_a_target_is_named_by_the_id_that_an_operator_gave_it_and_else_by_its_name() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:truststore/payments/73e2d6bc24d8a067"
    named = config.Target(id="payments-dublin", arn=arn, bundle="main")
    assert named.label == "ALB trust store payments-dublin"
    assert msgspec.structs.replace(named, id="payments").label == "ALB trust store payments"
    wildcard = config.Target(id="x", arn="arn:aws:apigateway:us-east-1::/domainnames/*.example.com", bundle="main")
    own = msgspec.structs.replace(wildcard, id=arns.own_id(wildcard.arn))
    assert own.label == "API Gateway domain *.example.com"
