"""The short form of a watch file: defaults, groups, bare ARNs, and the ids that follow from them."""

import string
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rotation_watcher import arns, config, watch_shape
from rotation_watcher.config import Watch
from rotation_watcher.errors import ConfigurationError

SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys/oauth"
OTHER = f"{SECRET}-eu"
DOMAIN = "arn:aws:apigateway:us-east-1::/domainnames/api.example.com"
NO_FILTERS = "only a listener has identity filters, a trust store has none; make a group of those that it is for"
DOOR = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/door/73e2d6bc24d8a067/0a1b2c3d4e5f6071"


def store(name: str, number: int = 0) -> str:
    return f"arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/{name}/{number:016x}"


def file(**more: Any) -> dict[str, Any]:
    return {
        "sources": [{"id": "use1", "region": "us-east-1", "credentials": SECRET}],
        "bundles": [{"id": "main", "sources": ["use1"]}, {"id": "second", "sources": ["use1"]}],
        "defaults": {"targets": {"bundle": "main"}},
    } | more


def read(document: object) -> Watch:
    return config.from_document(document, stack_region="us-east-1", stack_account="123456789012")


def mistakes(document: object) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(document)
    return [*refused.value.mistakes]


def test_what_a_target_says_comes_before_its_group_and_that_before_the_defaults() -> None:
    settings = {"bundle": "main", "on_drift": "report", "unknown": "remove", "max_certificates": 50}
    group = {"on_drift": "heal", "max_certificates": 60}
    watch = read(
        file(
            defaults={"targets": settings},
            targets=[store("alone")],
            groups={"web": group | {"targets": [store("plain"), {"arn": store("own"), "max_certificates": 70}]}},
        )
    )
    assert [(one.id, one.bundle, one.on_drift, one.unknown, one.max_certificates) for one in watch.targets] == [
        ("alone", "main", "report", "remove", 50),
        ("plain", "main", "heal", "remove", 60),
        ("own", "main", "heal", "remove", 70),
    ]


def test_an_entry_takes_a_setting_of_its_group_back_by_null_or_the_ordinary_value() -> None:
    taken_back = {"arn": store("own"), "max_certificates": None, "on_drift": "heal"}
    group = {"max_certificates": 60, "on_drift": "report", "targets": [taken_back]}
    (target,) = read(file(groups={"web": group})).targets
    assert (target.max_certificates, target.limit, target.on_drift) == (None, 25, "heal")


def test_sources_and_bundles_have_defaults_too_and_a_list_replaces_a_list() -> None:
    watch = read(
        file(
            sources=[
                {"id": "use1", "region": "us-east-1"},
                {"id": "euc1", "region": "eu-central-1", "credentials": OTHER, "authorities": ["DigiCert"]},
            ],
            bundles=[{"id": "main", "extra": []}, {"id": "digicert", "sources": ["euc1"], "authorities": ["DigiCert"]}],
            defaults={
                "sources": {"credentials": SECRET, "authorities": ["Genesys", "DigiCert"]},
                "bundles": {"sources": ["use1"], "extra": ["extra/ours.pem"]},
            },
        )
    )
    assert [(one.credentials, [*one.authorities]) for one in watch.sources] == [
        (SECRET, ["Genesys", "DigiCert"]),
        (OTHER, ["DigiCert"]),
    ]
    assert [(one.sources, one.extra) for one in watch.bundles] == [(("use1",), ()), (("euc1",), ("extra/ours.pem",))]


def test_the_short_form_and_the_long_one_are_the_same_configuration() -> None:
    short = file(targets=[DOMAIN], groups={"web": {"bundle": "second", "targets": [store("a"), store("b")]}})
    whole = file(
        targets=[
            {"id": "api-example-com", "arn": DOMAIN, "bundle": "main"},
            {"id": "a", "arn": store("a"), "bundle": "second"},
            {"id": "b", "arn": store("b"), "bundle": "second"},
        ]
    )
    del whole["defaults"]
    assert read(short) == read(whole)


def test_the_address_of_the_schema_is_allowed_and_says_nothing() -> None:
    assert read(file(**{"$schema": "docs/watch-file.schema.json"})) == read(file())
    assert mistakes(file(**{"$schema": 1})) == ["$schema: must be a text, found the number 1"]


PLAIN = string.ascii_letters + string.digits
ENDS = st.text(PLAIN, min_size=1, max_size=1)
NAMES = ENDS | st.builds("{}{}{}".format, ENDS, st.text(f"{PLAIN}-", max_size=20), ENDS)


@given(st.lists(NAMES, min_size=1, max_size=8, unique_by=str.lower), st.randoms(use_true_random=False))
def test_an_id_that_is_not_given_never_depends_on_what_else_is_listed(names: list[str], random: Any) -> None:
    listed = [store(name) for name in names]
    alone = {arn: read(file(targets=[arn])).targets[0].id for arn in listed}
    assume(len(set(alone.values())) == len(alone))
    random.shuffle(listed)
    half = len(listed) // 2
    watch = read(file(targets=listed[:half], groups={"web": {"targets": listed[half:]}}))
    assert {one.arn: one.id for one in watch.targets} == alone


def test_an_id_that_is_not_given_is_the_one_that_the_parameters_gave() -> None:
    listed = [store("main"), store("Main-2"), DOMAIN, DOOR, DOMAIN.replace("api.", "*.")]
    by_parameters = config.simple(
        mode="observe",
        region="us-east-1",
        authorities=["Genesys"],
        credentials=[SECRET],
        targets=listed,
        stack_region="us-east-1",
    )
    assert [one.id for one in read(file(targets=listed)).targets] == [one.id for one in by_parameters.targets]


def test_two_ids_that_come_out_alike_are_refused_and_both_ready_ids_are_named() -> None:
    alike = [store("main", 1), store("main", 2)]
    (mistake,) = mistakes(file(targets=alike))
    ready = [arns.unmistakable_id(arn) for arn in alike]
    assert mistake.startswith("targets[1]: has the id 'main', as targets[0]: give the one that is new another")
    assert ready[1] + " (here)" in mistake
    assert ready[0] + " (there)" in mistake
    chosen = read(file(targets=[alike[0], {"id": ready[1], "arn": alike[1]}]))
    assert [one.id for one in chosen.targets] == ["main", ready[1]]


def test_an_id_that_is_given_may_not_be_one_that_follows_from_another_arn() -> None:
    (mistake,) = mistakes(file(targets=[store("main"), {"id": "main", "arn": DOMAIN}]))
    assert mistake.startswith("targets[1].id: has the id 'main', as targets[0]")


def test_one_arn_that_is_listed_twice_is_one_mistake() -> None:
    (mistake,) = mistakes(file(targets=[store("main")], groups={"web": {"targets": [store("main")]}}))
    assert mistake == "groups.web.targets[0]: the same as targets[0]: two bundles would fight over it"


def test_the_ready_id_of_a_name_that_has_digits_already_is_its_own() -> None:
    arn = store("Main")
    assert arns.unmistakable_id(arn) == arns.own_id(arn) == "main-" + arns.own_id(arn)[-8:]


def test_what_a_group_or_the_defaults_say_wrongly_is_told_once_where_it_stands() -> None:
    many = [store(f"t{number}", number) for number in range(300)]
    found = mistakes(
        file(
            defaults={"targets": {"bundle": "mian"}},
            groups={"web": {"empty_filters": "fill", "targets": [*many, DOOR]}},
        )
    )
    assert found == [
        "defaults.targets.bundle: there is no bundle 'mian'; there are: main, second. Did you mean main?",
        f"groups.web.empty_filters: {NO_FILTERS}",
    ]


def test_what_neither_an_entry_nor_a_group_nor_the_defaults_say_is_missing() -> None:
    found = mistakes(
        file(
            defaults={},
            sources=[{"id": "use1", "region": "us-east-1"}],
            targets=[DOMAIN],
            groups={"web": {"targets": [{"arn": DOOR}]}},
        )
    )
    assert found == [
        "sources[0].credentials: missing: say it here, or in defaults.sources",
        "targets[0]: its bundle is missing: say it in defaults.targets",
        "groups.web.targets[0].bundle: missing: say it here, or in its group, or defaults.targets",
    ]


def test_what_belongs_to_one_target_alone_has_no_default() -> None:
    found = mistakes(file(defaults={"targets": {"bundle": "main", "id": "x"}, "sources": {"region": "us-east-1"}}))
    assert [one.split(";")[0] for one in found] == [
        "defaults.sources.region: unknown",
        "defaults.targets.id: unknown",
    ]


def test_a_mistake_of_shape_hides_no_mistake_of_meaning_elsewhere_and_makes_none_up() -> None:
    wrong = file(
        mode="aply",
        sources=[
            {"id": "use1", "region": "us-east-1", "credentials": SECRET, "authoritis": ["Genesys"]},
            {"id": "euc1", "region": "eu-central-1", "credentials": "none"},
        ],
        targets=[7, {"arn": "arn:nothing", "bundle": "mian"}, {"arn": DOMAIN, "on_drift": "hael"}, DOOR],
        policy={"time_zone": "Europe/Zurrich"},
    )
    assert [one.split(": ")[0] for one in mistakes(wrong)] == [
        "mode",
        "sources[0].authoritis",
        "targets[0]",
        "targets[2].on_drift",
        "sources[1].credentials",
        "targets[1].bundle",
        "targets[1].arn",
        "policy.time_zone",
    ]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("mode", "aply", "'aply' is not one of observe, apply. Did you mean apply?"),
        ("mode", ["apply"], "a list is not one of observe, apply"),
        ("polcy", {}, "Did you mean policy?"),
        ("groups", [], "must be an object, found a list"),
        ("groups", {"A B": {"targets": []}}, "'A B' is not lower-case letters, digits and hyphens"),
        ("targets", {}, "must be a list, found an object"),
        ("targets", [None], "must be a text or an object, found nothing"),
        ("policy", {"confirmations": "two"}, "must be a whole number, found a text"),
        ("policy", {"confirmations": 21}, "must be a whole number from 1 to 20, found 21"),
        ("policy", {"confirmations": True}, "must be a whole number, found true"),
        ("policy", {"retain_days": 30.0}, "must be a whole number, found the number 30.0"),
        ("policy", {"expiry_days": [30, 7.0]}, "must be a whole number, found the number 7.0"),
        ("policy", {"retain_days": 2.5}, "must be a whole number, found the number 2.5"),
        ("policy", {"max_removed_share": 1.5}, "must be a number from 0 to 1, found 1.5"),
        ("policy", {"quiet_hours": {"start": "7:00", "end": "08:00"}}, 'a time of day in quotes, such as "07:30"'),
        ("policy", {"quiet_hours": {"start": 7, "end": "08:00"}}, "must be a text, a time of day in quotes"),
        ("policy", {"quiet_hours": {"start": "19:00", "end": "08:00", "weekends": "yes"}}, "found 'yes'"),
        ("policy", {"quiet_hours": None, "weekly_digest": {"day": "friady"}}, "Did you mean friday?"),
        ("defaults", {"targets": {"bundle": "main", "shared_authority": "short"}}, "10 to 300 characters, found 5"),
    ],
)
def test_a_mistake_says_what_was_found_what_belongs_there_and_what_was_meant(
    field: str, value: object, words: str
) -> None:
    (mistake,) = mistakes(file(**{field: value}))
    assert mistake.startswith(field)
    assert words in mistake


@pytest.mark.parametrize("place", ["defaults", "targets", "groups"])
def test_a_number_with_a_point_is_a_mistake_and_no_crash(place: str) -> None:
    wrong = {
        "defaults": {"targets": {"bundle": "main", "max_certificates": 50.0}},
        "targets": [{"arn": DOMAIN, "max_certificates": 50.0}],
        "groups": {"web": {"targets": [DOMAIN], "max_certificates": 50.0}},
    }
    (mistake,) = mistakes(file(**{place: wrong[place]}))
    assert mistake.startswith(place)
    assert mistake.endswith("max_certificates: must be a whole number, found the number 50.0")


def test_what_msgspec_alone_refuses_is_a_mistake_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_shape, "_of_value", lambda *_: iter(()))
    (mistake,) = mistakes(file(policy={"retain_days": "30"}))
    assert mistake == "$: Expected `int`, got `str` - at `$.policy.retain_days`"


def test_a_region_or_source_that_is_not_known_is_guessed() -> None:
    found = mistakes(
        file(
            sources=[{"id": "use1", "region": "us-eats-1", "credentials": SECRET, "login_url": "https://l"}],
            bundles=[{"id": "main", "sources": ["usw1"]}],
        )
    )
    assert "Did you mean us-east-1?" in found[0]
    assert found[1] == "bundles[0].sources[0]: there is no source 'usw1'; there is: use1. Did you mean use1?"


@pytest.mark.parametrize("name", ["sources", "bundles", "targets", "groups"])
def test_an_id_ends_where_its_text_ends(name: str) -> None:
    secret = {"region": "us-east-1", "credentials": SECRET}
    wrong: dict[str, Any] = {
        "sources": [{"id": "use1", **secret}, {"id": "two\n", **secret}],
        "bundles": [{"id": "main", "sources": ["use1"]}, {"id": "two\n", "sources": ["use1"]}],
        "targets": [{"id": "two\n", "arn": DOMAIN}],
        "groups": {"two\n": {"targets": []}},
    }
    (mistake,) = mistakes(file(**{name: wrong[name]}))
    assert "'two\\n' is not lower-case letters" in mistake


@pytest.mark.parametrize(
    "name", ["", "Null", "https://dataactions.example.com", "a.example.com\n", "a b.example.com", "*"]
)
def test_a_client_name_that_no_certificate_can_bear_is_refused(name: str) -> None:
    source = {"id": "use1", "region": "us-east-1", "credentials": SECRET, "client_name": name}
    (mistake,) = mistakes(file(sources=[source]))
    assert mistake.startswith("sources[0].client_name: ")
    assert "is not a DNS name as the certificates bear it" in mistake


@pytest.mark.parametrize("name", ["dataactions.example", "OWN.example.", "*.a-1.example.com", "_x.example"])
def test_a_client_name_is_a_dns_name(name: str) -> None:
    source = {"id": "use1", "region": "us-east-1", "credentials": SECRET, "client_name": name}
    assert read(file(sources=[source])).sources[0].client_name == name


def test_of_very_many_mistakes_five_hundred_are_listed_and_the_rest_is_counted() -> None:
    found = mistakes(file(targets=[f"arn:{number}" for number in range(700)]))
    assert len(found) == 501
    assert found[-1] == "$: 200 more mistakes are not listed"


def test_a_long_or_strange_key_is_shortened() -> None:
    (mistake,) = mistakes(file(**{"x" * 5000: 1}))
    assert len(mistake) < 300
    (mistake,) = mistakes(file(**{"a\nb": 1}))
    assert mistake.startswith("'a\\nb': unknown")


def test_what_is_kept_of_a_fleet_is_read_again_as_the_same() -> None:
    watch = read(file(targets=[DOMAIN], groups={"web": {"targets": [store("a")]}}))
    assert read(msgspec.json.decode(msgspec.json.encode(watch))) == watch


@pytest.mark.parametrize(("number", "meant"), [(100, True), (300, False)])
def test_what_was_meant_is_not_looked_for_among_very_many(number: int, meant: bool) -> None:  # noqa: FBT001  # a row
    bundles = [{"id": f"b{one}", "sources": ["use1"]} for one in range(number)]
    (mistake,) = mistakes(file(bundles=bundles, targets=[{"arn": DOMAIN, "bundle": "bb7"}]))
    assert ("Did you mean b" in mistake) is meant
    assert f"and {number - 8} more" in mistake
