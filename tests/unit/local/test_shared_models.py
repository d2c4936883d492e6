"""What clients of one service share in a process, and what each has for itself; ``tests/conftest.py`` lets them."""

from typing import Any

import boto3


def session() -> Any:
    return boto3.Session("key", "secret", region_name="us-east-1")


def rules(client: Any) -> Any:
    return client._ruleset_resolver._provider.ruleset


def test_a_second_client_has_the_rules_and_methods_of_the_first_and_a_class_of_its_own() -> None:
    first, second, other = session().client("sqs"), session().client("sqs"), session().client("sns")
    assert rules(first) is rules(second)
    assert rules(first) is not rules(other)
    assert type(first) is not type(second)
    assert type(first).send_message is type(second).send_message
    assert first.meta.events._alias_name_cache is second.meta.events._alias_name_cache
    assert first.meta.endpoint_url != other.meta.endpoint_url


def test_what_a_session_adds_to_its_clients_is_not_in_those_of_another() -> None:
    adding = session()
    adding.events.register("creating-client-class.sqs", lambda class_attributes, **_: class_attributes.update(added=1))
    assert hasattr(adding.client("sqs"), "added")
    assert not hasattr(session().client("sqs"), "added")
