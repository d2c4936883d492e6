import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from local.genesys.clock import VirtualClock
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.pki import Identity
from local.genesys.region import AUTHORITIES
from local.genesys.server import Simulator
from local.genesys.world import World
from rotation_watcher.regions import REGIONS

NAMELESS = {
    name: f"dataactions.operator-named.{name}.example" for name, each in REGIONS.items() if not each.client_name
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    clock = VirtualClock(datetime.now(UTC) - timedelta(hours=1))
    world = World(clock, DEFAULT_CACHE, client_names=NAMELESS, root_key_bits=2048)
    world.prepare(*world.names)
    with Simulator(world) as simulator:
        yield simulator


def openssl_verifies(identity: Identity, root_pem: str, folder: Path) -> subprocess.CompletedProcess[str]:
    files = {"root": root_pem, "between": identity.handshake_pem(), "leaf": identity.pem()}
    for name, text in files.items():
        (folder / f"{name}.pem").write_text(text)
    command = "openssl verify -purpose sslclient -x509_strict -no-CApath -no-CAstore -CAfile root.pem"
    return subprocess.run(
        [*command.split(), "-untrusted", "between.pem", "leaf.pem"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", REGIONS)
def test_every_region_serves_a_chain_that_verifies_to_the_root_its_operator_would_upload(
    name: str, simulator: Simulator, tmp_path: Path
) -> None:
    region = simulator.world.region(name)
    roots = {"Genesys": region.root_pem(), "DigiCert": region.digicert_root_pem()}
    context = ssl.create_default_context(cafile=str(simulator.ca_file))
    with httpx.Client(base_url=simulator.api_url(name), verify=context, trust_env=False) as http:
        login = http.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(simulator.client_id, simulator.client_secret),
        )
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        answer = http.get("/api/v2/integrations/actions/certificates", params={"status": "Current"}, headers=headers)
    entities = {each["signingAuthority"]: each["certificate"] for each in answer.json()["entities"]}

    assert set(entities) == set(AUTHORITIES)
    for authority in AUTHORITIES:
        text = "\n".join(line.strip() for line in entities[authority].splitlines())
        leaf, *above = x509.load_pem_x509_certificates(text.encode())
        root = x509.load_pem_x509_certificate(roots[authority].encode())
        verifier = PolicyBuilder().store(Store([root])).time(simulator.world.clock()).build_client_verifier()
        verified = verifier.verify(leaf, above)
        assert verified.subjects is not None
        assert [each.value for each in verified.subjects] == [REGIONS[name].client_name or NAMELESS[name]]
        presented = region.presented(authority)
        assert presented.certificate == leaf
        judged = openssl_verifies(presented, roots[authority], tmp_path)
        assert (judged.returncode, judged.stdout) == (0, "leaf.pem: OK\n"), judged.stderr


@pytest.mark.parametrize("authority", AUTHORITIES)
@pytest.mark.parametrize("kind", ["self-made-root", "no-client-auth", "expired", "not-yet-valid"])
def test_openssl_turns_strangers_away(kind: str, authority: str, simulator: Simulator, tmp_path: Path) -> None:
    region = simulator.world.region("us-east-1")
    root = {"Genesys": region.root_pem(), "DigiCert": region.digicert_root_pem()}[authority]
    judged = openssl_verifies(region.stranger(kind, authority), root, tmp_path)  # type: ignore[arg-type]  # literals

    assert judged.returncode == 2
    assert {
        "self-made-root": "unable to get local issuer certificate",
        "no-client-auth": "unsuitable certificate purpose",
        "expired": "certificate has expired",
        "not-yet-valid": "certificate is not yet valid",
    }[kind] in judged.stderr


def test_openssl_lets_another_customer_of_the_public_authority_in(simulator: Simulator, tmp_path: Path) -> None:
    region = simulator.world.region("us-east-1")
    other = region.stranger("other-customer", "DigiCert")

    assert openssl_verifies(other, region.digicert_root_pem(), tmp_path).returncode == 0
    assert other.name != region.client_name
