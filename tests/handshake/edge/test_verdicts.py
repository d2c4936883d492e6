import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.edge import EdgeError, Handshake, TlsEdge
from local.genesys.issuing import Identity
from tests.handshake.edge.certificates import bundle_of, client_of, new_authority, new_leaf


def test_a_leaf_of_the_bundles_root_is_admitted_over_tls_1_3(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": bundle_of(root)})

    assert edge.handshake("alb", client_of(new_leaf(root))) == Handshake(
        admitted=True, detail="SUCCESS", protocol="TLSv1.3"
    )


def test_a_leaf_of_the_same_name_under_a_root_of_the_same_name_is_refused(
    edge: TlsEdge, root: Identity, other_root: Identity
) -> None:
    edge.load({"alb": bundle_of(root)})

    seen = edge.handshake("alb", client_of(new_leaf(other_root)))

    assert not seen.admitted
    assert seen.detail.startswith("FAILED:")


def test_a_client_without_a_certificate_is_refused(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": bundle_of(root)})

    assert edge.handshake("alb", None) == Handshake(admitted=False, detail="NONE", protocol="TLSv1.3")


@pytest.mark.parametrize(
    ("days", "usage", "reason"),
    [
        ((-9, -1), "client", "FAILED:certificate has expired"),
        ((2, 30), "client", "FAILED:certificate is not yet valid"),
        ((-1, 30), "server", "FAILED:unsuitable certificate purpose"),
    ],
    ids=["expired", "not yet valid", "without clientAuth"],
)
def test_a_leaf_that_may_not_be_used_now_is_refused_with_openssls_reason(
    edge: TlsEdge, root: Identity, days: tuple[int, int], usage: str, reason: str
) -> None:
    edge.load({"alb": bundle_of(root)})

    seen = edge.handshake("alb", client_of(new_leaf(root, days=days, usage=usage)))

    assert (seen.admitted, seen.detail) == (False, reason)


def test_a_leaf_too_weak_for_nginx_is_presented_and_refused_there(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": bundle_of(root)})
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - weak on purpose

    seen = edge.handshake("alb", client_of(new_leaf(root, key=weak)))

    assert (seen.admitted, seen.detail) == (False, "FAILED:EE certificate key too weak")


@pytest.mark.parametrize("alone", [False, True], ids=["with its intermediate", "alone"])
def test_a_leaf_below_an_intermediate_of_the_bundle_is_admitted(edge: TlsEdge, root: Identity, *, alone: bool) -> None:
    intermediate = new_authority("Intermediate", root)
    edge.load({"alb": bundle_of(intermediate, root)})

    assert edge.handshake("alb", client_of(new_leaf(intermediate), alone=alone)).admitted


def test_a_bundle_with_the_root_alone_admits_only_a_client_that_presents_the_intermediate(
    edge: TlsEdge, root: Identity
) -> None:
    leaf = new_leaf(new_authority("Intermediate", root))
    edge.load({"alb": bundle_of(root)})

    assert edge.handshake("alb", client_of(leaf)).admitted
    assert not edge.handshake("alb", client_of(leaf, alone=True)).admitted


def test_four_authorities_may_stand_between_leaf_and_root_and_not_five(edge: TlsEdge, root: Identity) -> None:
    edge.load({"alb": bundle_of(root)})
    authority, admitted = root, []
    for depth in range(1, 6):
        authority = new_authority(f"Intermediate {depth}", authority)
        admitted.append(edge.handshake("alb", client_of(new_leaf(authority))).admitted)

    assert admitted == [True, True, True, True, False]


def test_each_target_judges_by_its_own_bundle(edge: TlsEdge, root: Identity, other_root: Identity) -> None:
    edge.load({"alb": bundle_of(root), "api": bundle_of(other_root), "both": bundle_of(root, other_root)})
    ours, theirs = client_of(new_leaf(root)), client_of(new_leaf(other_root))

    seen = {
        target: [each.admitted for each in edge.handshakes(target, [ours, theirs])] for target in ("alb", "api", "both")
    }

    assert seen == {"alb": [True, False], "api": [False, True], "both": [True, True]}


def test_a_client_whose_subject_does_not_match_is_hung_up_on_until_the_pattern_is_gone(
    edge: TlsEdge, root: Identity
) -> None:
    client = client_of(new_leaf(root))
    bundle = {"alb": bundle_of(root)}
    edge.load(bundle, subjects={"alb": "(^|,)CN=somebody else(,|$)"})
    with pytest.raises(EdgeError, match="no verdict: RemoteDisconnected"):
        edge.handshake("alb", client)
    assert edge.handshake("alb", None).detail == "NONE"

    edge.load(bundle, subjects={"alb": f"(^|,)cn={client.name.upper()}(,|$)"})
    assert edge.handshake("alb", client).admitted

    edge.load(bundle, subjects={"alb": "another"})
    edge.load(bundle)
    assert edge.handshake("alb", client).admitted
