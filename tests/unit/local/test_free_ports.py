"""The ports on which servers of tests listen are nobody's, and nobody is given one meanwhile."""

import socket

import pytest

from local.edge import tls_edge
from local.edge.client import HOST, EdgeError
from local.edge.tls_edge import free_ports


def test_they_differ_and_none_is_one_that_the_system_gives_to_who_asks_for_any() -> None:
    drawn = free_ports(50)
    assert len({*drawn}) == 50
    with socket.socket() as any_port:
        any_port.bind((HOST, 0))
        assert max(drawn) < any_port.getsockname()[1]


def test_where_somebody_listens_is_not_drawn_and_too_few_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    first, taken, last = sorted(free_ports(3))
    monkeypatch.setattr(tls_edge, "_GIVEN_TO_NOBODY", (first, taken, last))
    with socket.socket() as listening:
        listening.bind((HOST, taken))
        listening.listen()
        assert sorted(free_ports(2)) == [first, last]
        with pytest.raises(EdgeError, match="only 2 are free"):
            free_ports(3)
