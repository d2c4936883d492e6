"""``edge/``: the script with the real AWS CLI on what publish placed, and the real servers on what it fetched."""

import json
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, override

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from rotation_watcher import file_sets
from tests.engines.backend import Backend
from tests.engines.door_servers import Envoy, HaProxy, Nginx, Proxy, eventually
from tests.engines.edge_machine import BUCKET, EDGE, FOLDER, PLACE, Machine, rotate
from tests.engines.test_doors import SAID
from tests.support.shell import CLI


@pytest.fixture
def real_machine(machine: Machine) -> Machine:
    """A machine with the real AWS CLI."""
    assert (CLI / "aws").exists(), "run make attack: it makes the environment of the AWS CLI"
    machine.tools = CLI
    return machine


def newest(machine: Machine, name: str) -> bytes:
    return bytes(machine.world.environment.s3.get_object(Bucket=BUCKET, Key=FOLDER + name)["Body"].read())


def test_the_real_cli_fetches_the_whole_set_and_then_one_object_alone(real_machine: Machine) -> None:
    machine = real_machine
    assert machine.fetch() == 0, machine.said
    files = machine.files()
    assert {"ca-bundle.pem", "pins.json", "pins.txt", "identity.json", "SHA256SUMS", "manifest.json"} <= {*files}
    assert all(body == newest(machine, name) for name, body in files.items())
    assert machine.world.genesys.fingerprint in files["pins.txt"].decode().splitlines()
    machine.world.environment.aws.calls.clear()
    assert machine.fetch(RELOAD="exit 9", CHECK="exit 9") == 0
    assert [one.operation for one in machine.world.environment.aws.calls] == ["GetObject"]
    assert stat.S_IMODE(machine.current.stat().st_mode) == 0o755
    machine.write("pins.txt", lambda text: text + b"f" * 64)
    rotate(machine)
    assert machine.fetch() == 0, machine.said
    assert machine.world.genesys.fingerprint in machine.files()["pins.txt"].decode()
    machine.write("manifest.json", lambda _: b"{}")
    assert machine.fetch() == 3
    assert machine.world.genesys.fingerprint in machine.files()["pins.txt"].decode()


def test_a_rotation_goes_through_and_what_is_superseded_is_cleared_away(machine: Machine) -> None:
    assert machine.fetch() == 0, machine.said
    for _ in range(3):
        before = machine.files()["pins.txt"]
        rotate(machine)
        assert machine.fetch() == 0, machine.said
        assert machine.files()["pins.txt"] != before
        assert machine.world.genesys.fingerprint in machine.files()["pins.txt"].decode()
    assert len([one for one in (machine.root / "sets").iterdir() if not one.name.startswith(".new")]) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text[: len(text) // 2], 3),
        (lambda _: b"", 3),
        (lambda text: text.replace(b'"name": "pins.json"', b'"name": "pins.jsom"'), 1),
        (lambda text: text.replace(b'"sha256": "', b'"sha256": "0', 1), 3),
        (lambda text: text.replace(b'"name": "pins.json"', b'"name": "../../pins.json"'), 3),
        (lambda text: text.replace(b'"version": "', b'"version": "--output text ', 1), 3),
    ],
    ids=["half", "empty", "missing file", "wrong sum", "path", "option"],
)
def test_a_set_that_is_not_whole_or_not_what_it_says_leaves_the_old_in_use(
    machine: Machine, change: Callable[[bytes], bytes], code: int
) -> None:
    assert machine.fetch() == 0, machine.said
    before = machine.files()
    machine.write("manifest.json", change)
    assert machine.fetch(RELOAD="exit 9") == code, machine.said
    assert machine.files() == before
    assert machine.said.startswith("genesys-files: ") or "genesys-files: " in machine.said


def test_a_file_that_others_wrote_over_is_not_taken(machine: Machine) -> None:
    assert machine.fetch() == 0
    before = machine.files()
    machine.write("pins.txt", lambda text: text + b"f" * 64 + b"\n")
    assert machine.fetch() == 0
    shutil.rmtree(machine.root)
    assert machine.fetch() == 0, "the manifest names the versions that belong together"
    assert machine.files() == before


def test_nothing_is_taken_from_a_bucket_that_came_into_another_account(machine: Machine) -> None:
    """A name that was given up is anybody's: who takes it would say whom the server lets in."""
    assert machine.fetch(OWNER=machine.world.environment.aws.account) == 0, machine.said
    before = machine.files()
    rotate(machine)
    assert machine.fetch(OWNER="999999999999") == 1
    assert machine.files() == before
    assert machine.fetch(OWNER=machine.world.environment.aws.account) == 0, machine.said
    assert machine.files() != before


def test_what_lies_there_under_other_versions_is_taken_where_its_sum_holds(machine: Machine) -> None:
    s3 = machine.world.environment.s3
    for one in s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        if one["IsLatest"] and not one["Key"].endswith("manifest.json"):
            body = s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()
            s3.put_object(Bucket=BUCKET, Key=one["Key"], Body=body)
            s3.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])
    assert machine.fetch() == 0, machine.said
    machine.write("pins.txt", lambda text: text + b"f" * 64 + b"\n")
    shutil.rmtree(machine.root)
    assert machine.fetch() == 3, "another one's text under the same name"


def test_what_the_server_refuses_is_taken_back(machine: Machine) -> None:
    assert machine.fetch(CHECK="true") == 0
    before = machine.files()
    rotate(machine)
    assert machine.fetch(CHECK="false", RELOAD="exit 9") == 4
    assert machine.files() == before
    assert machine.fetch(PREPARE="false") == 4
    assert machine.files() == before
    assert machine.fetch(CHECK="true") == 0
    assert machine.files() != before


def test_what_an_earlier_script_fetched_is_gone_back_to_where_the_server_refuses_the_next_set(machine: Machine) -> None:
    assert machine.fetch(CHECK="true") == 0
    for mark in (".taken", ".prepared"):  # which it did not write
        (machine.current / mark).unlink()
    before = machine.files()
    assert machine.fetch(CHECK="false") == 4
    assert machine.files() == before
    rotate(machine)
    assert machine.fetch(CHECK="false") == 4
    assert machine.files() == before
    assert machine.fetch(CHECK="true") == 0
    assert machine.files() != before


def test_a_server_that_did_not_reload_is_reloaded_by_the_next_run(machine: Machine, tmp_path: Path) -> None:
    assert machine.fetch(RELOAD="false") == 5
    assert machine.fetch(RELOAD=f"touch {tmp_path}/reloaded") == 0
    assert (tmp_path / "reloaded").exists()


def test_what_somebody_changed_on_the_machine_is_fetched_anew(machine: Machine) -> None:
    assert machine.fetch() == 0
    before = machine.files()
    (machine.current / "ca-bundle.pem").write_text("somebody's\n")
    assert machine.fetch() == 0, machine.said
    assert machine.files() == before


_HANGS = 'echo >"$AT_WORK"; exec sleep 600'


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_a_set_that_the_server_was_still_asked_about_is_in_use_after_no_next_run_unless_the_server_takes_it(
    machine: Machine, by: signal.Signals
) -> None:
    assert machine.fetch(CHECK="true") == 0
    before = machine.files()
    rotate(machine)
    assert machine.interrupt(by, CHECK=_HANGS) != 0
    assert by is signal.SIGKILL or machine.files() == before, "systemd's time-out is no word of the server"
    assert machine.fetch(CHECK="false", RELOAD="exit 9") == 4
    assert machine.files() == before
    assert machine.fetch(CHECK="true") == 0
    assert machine.files() != before


def test_a_run_that_is_ended_while_it_goes_back_goes_back_all_the_same(machine: Machine) -> None:
    """systemd's time-out ends the server's command and the script at once, so the script may be at its end already."""
    assert machine.fetch(CHECK="true") == 0
    before = machine.files()
    rotate(machine)
    real = shutil.which("ln")
    (machine.tools / "ln").write_text(f'#!/bin/sh\n[ ! -e "$REFUSED" ] || kill "$PPID"\nexec {real} "$@"\n')
    (machine.tools / "ln").chmod(0o755)
    refused = machine.tools / "refused"
    assert machine.fetch(CHECK='touch "$REFUSED"; exit 1', REFUSED=str(refused)) != 0
    assert refused.exists()
    assert machine.files() == before


def test_a_first_set_that_the_server_was_still_asked_about_is_not_taken_for_one_that_it_had(machine: Machine) -> None:
    machine.interrupt(signal.SIGKILL, CHECK=_HANGS)
    assert machine.fetch(CHECK="false") == 4
    assert not machine.current.is_symlink()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_runs_that_are_killed_leave_nothing_behind_that_grows(machine: Machine, by: signal.Signals) -> None:
    assert machine.fetch() == 0
    rotate(machine)
    for _ in range(3):
        machine.interrupt(by, PREPARE=_HANGS)
    assert machine.fetch() == 0, machine.said
    assert sorted(one.name for one in (machine.root / "sets").iterdir() if one.name.startswith(".")) == []


def test_what_the_server_has_is_gone_back_to_though_a_newer_set_waits_for_its_reload(machine: Machine) -> None:
    assert machine.fetch() == 0
    rotate(machine)
    assert machine.fetch(CHECK="true", RELOAD="false") == 5
    waits = machine.files()
    rotate(machine)
    assert machine.fetch(CHECK="false") == 4
    assert machine.files() == waits, "the server takes it, and has not been reloaded yet"
    assert machine.fetch(CHECK="true", RELOAD="true") == 0


def test_a_manifest_of_a_newer_format_is_not_taken(machine: Machine) -> None:
    assert machine.fetch() == 0
    before = machine.files()
    machine.write("manifest.json", lambda text: text.replace(b'"format": 1', b'"format": 2'))
    assert machine.fetch() == 3
    assert "format" in machine.said
    assert machine.files() == before


def test_a_command_that_prepares_the_set_is_run_though_the_set_was_there_before(machine: Machine) -> None:
    assert machine.fetch() == 0
    assert machine.fetch(PREPARE="echo 1 >more") == 0
    assert machine.files()["more"] == b"1\n"
    assert machine.fetch(PREPARE="echo 2 >more", CHECK="false") == 4
    assert machine.files()["more"] == b"1\n"
    assert machine.fetch(PREPARE="echo 2 >more", CHECK="true") == 0
    assert machine.files()["more"] == b"2\n"
    machine.world.environment.aws.calls.clear()
    assert machine.fetch(PREPARE="echo 2 >more", CHECK="false", RELOAD="false") == 0
    assert len(machine.world.environment.aws.calls) == 1


def test_a_server_that_the_reload_starts_anew_keeps_no_later_run_out(machine: Machine, tmp_path: Path) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    assert machine.fetch(RELOAD=f"exec >/dev/null 2>&1; sleep 600 & echo $! >{started} &") == 0, machine.said
    server = int(started.read_text())
    try:
        assert machine.fetch() == 0, machine.said
    finally:
        os.kill(server, signal.SIGTERM)


def test_current_points_at_a_whole_set_while_one_that_was_changed_is_replaced(machine: Machine, tmp_path: Path) -> None:
    (machine.tools / "mv").write_text(
        f'#!/bin/sh\n[ -e {machine.current}/SHA256SUMS ] || echo >>{tmp_path}/nowhere\nexec /bin/mv "$@"\n'
    )
    (machine.tools / "mv").chmod(0o755)
    assert machine.fetch() == 0
    (tmp_path / "nowhere").unlink()
    (machine.current / "ca-bundle.pem").write_text("somebody's\n")
    assert machine.fetch() == 0
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("arguments", [[], [PLACE], ["s3://bucket", "/tmp/x"], [PLACE, "relative"]])  # noqa: S108
def test_a_wrong_call_says_what_is_wrong(arguments: list[str]) -> None:
    done = subprocess.run([EDGE / "fetch/genesys-files", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("genesys-files: ")


class AtTheEdge(Proxy):
    """A server that goes by what the script fetched."""

    machine: Machine
    unit = ""

    def settle(self, machine: Machine) -> None:
        self.machine = machine
        machine.root = self.folder / "genesys"
        others = {place: here for place, here in self.places.items() if "genesys" not in place}
        self.places = {
            "/etc/genesys/": f"{machine.root}/",
            "{path: /etc/genesys}": f"{{path: {machine.root}}}",
            **others,
        }
        env = dict(
            line.split("=", 1)
            for line in (EDGE / self.unit / "files.env").read_text().splitlines()
            if "=" in line and line[0] != "#"
        )
        machine.environment = self.commands(env)

    def commands(self, env: dict[str, str]) -> dict[str, str]:
        """The unit's commands on this machine, which has no systemd."""
        raise NotImplementedError

    @override
    def snippet(self, name: str) -> str:
        text = (EDGE / name).read_text()
        if self.with_lists:
            text = text.replace("# ssl_crl ", "ssl_crl ")
        for place, here in self.places.items():
            text = text.replace(place, here)
        return text


class EdgeNginx(AtTheEdge, Nginx):
    unit = "nginx"

    @override
    def start(self) -> None:
        self.configure()
        self.run(*self._nginx())
        self.until_it_listens(self.port)

    @override
    def commands(self, env: dict[str, str]) -> dict[str, str]:
        nginx = " ".join(self._nginx())
        assert env["RELOAD"] == "systemctl reload nginx"
        return {"CHECK": env["CHECK"].replace("nginx", nginx, 1), "RELOAD": f"{nginx} -s reload"}


class EdgeHaProxy(AtTheEdge, HaProxy):
    unit = "haproxy"

    @override
    def commands(self, env: dict[str, str]) -> dict[str, str]:
        return {"CHECK": env["CHECK"].replace("/etc/haproxy/", f"{self.folder}/")}


class EdgeEnvoy(AtTheEdge, Envoy):
    unit = "envoy"

    @override
    def commands(self, env: dict[str, str]) -> dict[str, str]:
        return {"PREPARE": env["PREPARE"].replace("/usr/local/bin/", f"{EDGE}/envoy/")}


@pytest.fixture(params=[EdgeNginx, EdgeHaProxy, EdgeEnvoy])
def server(request: pytest.FixtureRequest, tmp_path: Path, machine: Machine) -> Iterator[AtTheEdge]:
    kind: Any = request.param
    if kind.lacking:
        pytest.skip(kind.lacking)
    with Backend() as backend:
        made: AtTheEdge = kind(tmp_path, backend)
        made.settle(machine)
        yield made
        backend.shutdown()


def test_the_real_server_lets_in_genesys_through_a_rotation_and_no_stranger(
    server: AtTheEdge, machine: Machine
) -> None:
    checks = machine.environment.pop("CHECK", ""), machine.environment.pop("RELOAD", "")
    assert machine.fetch() == 0, machine.said  # before the server is there
    old, stranger = machine.world.genesys, machine.world.region.stranger("self-made-root")
    with server:
        machine.environment |= {name: text for name, text in zip(("CHECK", "RELOAD"), checks, strict=True) if text}
        assert eventually(lambda: server.admits(old))
        assert not server.admits(stranger)
        assert not server.admits(None)
        rotate(machine)
        assert machine.fetch() == 0, machine.said
        if isinstance(server, HaProxy):
            server.follow()
        assert eventually(lambda: server.admits(machine.world.genesys))
        assert server.admits(old), "in its grace"
        assert not server.admits(stranger)
        before = machine.files()
        machine.write("manifest.json", lambda text: text.replace(b'"sha256": "', b'"sha256": "0', 1))
        assert machine.fetch() == 3
        assert machine.files() == before
        assert server.admits(machine.world.genesys)


def test_what_a_client_says_of_its_certificate_does_not_reach_the_backend_past_an_edge(
    server: AtTheEdge, machine: Machine
) -> None:
    if isinstance(server, Nginx):
        server.elsewhere = "underscores_in_headers on;"
    for name in ("CHECK", "RELOAD"):
        machine.environment.pop(name, None)  # the server is not there yet
    assert machine.fetch() == 0, machine.said
    with server:
        assert eventually(lambda: server.admits(machine.world.genesys))
        assert server.admits(machine.world.genesys, dict.fromkeys(SAID, "a stranger's word") | {"X-Other": "kept"})
    (_, *_, headers) = server.backend.headers
    assert headers["x-other"] == "kept"
    assert not [name for name in headers if name.replace("_", "-").startswith("x-amzn-mtls-clientcert")]


@pytest.mark.parametrize("kind", [EdgeNginx, EdgeHaProxy])
def test_what_the_real_server_does_not_take_is_left_out(kind: Any, machine: Machine, tmp_path: Path) -> None:
    with Backend() as backend:
        server: AtTheEdge = kind(tmp_path, backend)
        server.settle(machine)
        commands = dict(machine.environment)
        machine.environment = {}
        assert machine.fetch() == 0
        with server:
            rotate(machine)
            before = machine.files()
            machine.environment = commands | {"PREPARE": "echo rubbish > ca-bundle.pem"}
            assert machine.fetch() == 4
            assert machine.files() == before
            assert server.admits(machine.world.genesys) or not isinstance(server, EdgeNginx)
        backend.shutdown()


def test_lists_are_placed_while_each_ca_has_one_and_nginx_refuses_whom_they_name(
    machine: Machine, tmp_path: Path
) -> None:
    assert machine.fetch() == 0, machine.said
    assert machine.files()["crl.pem"] == newest(machine, "crl.pem")
    old = machine.world.genesys
    with Backend() as backend:
        server = EdgeNginx(tmp_path, backend)
        server.settle(machine)
        machine.environment = {}
        assert machine.fetch() == 0, machine.said
        server.with_lists = True
        with server:
            assert server.admits(old)
        rotate(machine)
        machine.world.revoke(old)
        machine.world.environment.publish("edge")
        assert machine.fetch() == 0, machine.said
        with server:
            assert server.admits(machine.world.genesys)
            assert not server.admits(old)
        backend.shutdown()
    environment = machine.world.environment
    listed = environment.s3.list_objects_v2(Bucket="watcher-bucket", Prefix="crls/")["Contents"]
    gone = next(one["Key"] for one in listed if one["Key"].endswith("/manifest.json"))
    environment.s3.delete_object(Bucket="watcher-bucket", Key=gone)
    environment.watcher = environment.build()
    environment.publish("edge")
    assert b"crl.pem" not in newest(machine, "manifest.json")
    assert machine.fetch() == 0, machine.said
    assert "crl.pem" not in machine.files()


def test_each_object_for_kubernetes_is_what_its_schema_says() -> None:
    version = kubernetes_validate.latest_version()
    for one in yaml.safe_load_all((EDGE / "kubernetes/configmap.yaml").read_text()):
        kubernetes_validate.validate(one, version, strict=True)
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(one | {"speck": {}}, version, strict=True)


def test_kubernetes_takes_the_same_set() -> None:
    parts = {one["kind"]: one for one in yaml.safe_load_all((EDGE / "kubernetes/configmap.yaml").read_text())}
    pod = parts["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = {one["name"]: one["value"] for one in container["env"]}
    assert container["command"] == ["genesys-files", "$(PLACE)", container["volumeMounts"][0]["mountPath"]]
    assert "--from-file=/files/current/ca-bundle.pem" in given["RELOAD"]
    assert "kubectl apply --server-side --force-conflicts " in given["RELOAD"], "a person's edit stops no rotation"
    (name,) = parts["Role"]["rules"][0]["resourceNames"]
    bundle = yaml.safe_load((EDGE / "kubernetes/bundle.yaml").read_text())
    assert bundle["apiVersion"] == "trust.cert-manager.io/v1alpha1"
    (source,) = bundle["spec"]["sources"]
    assert source["configMap"] == {"name": name, "key": "ca-bundle.pem"}
    assert f"create configmap {name} " in given["RELOAD"]
    assert pod["serviceAccountName"] == parts["ServiceAccount"]["metadata"]["name"]
    assert json.dumps(parts["RoleBinding"]["subjects"][0]["name"]) == '"genesys-files"'


def test_the_job_is_admitted_where_pod_security_is_restricted() -> None:
    """Kubernetes' Pod Security Standards, "Restricted"."""
    parts = {one["kind"]: one for one in yaml.safe_load_all((EDGE / "kubernetes/configmap.yaml").read_text())}
    pod = parts["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for container in pod["containers"]:
        asked = pod["securityContext"] | container["securityContext"]
        assert asked["seccompProfile"]["type"] == "RuntimeDefault"
        assert (asked["runAsNonRoot"], asked["allowPrivilegeEscalation"]) == (True, False)
        assert asked["runAsUser"]
        assert asked["capabilities"] == {"drop": ["ALL"]}
    assert all({*volume} <= {"name", "emptyDir"} for volume in pod["volumes"])


def test_the_configmap_of_the_job_holds_the_set_that_was_fetched(machine: Machine, tmp_path: Path) -> None:
    parts = {one["kind"]: one for one in yaml.safe_load_all((EDGE / "kubernetes/configmap.yaml").read_text())}
    (container,) = parts["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    reload = next(one["value"] for one in container["env"] if one["name"] == "RELOAD")
    tool = tmp_path / "kubectl"
    tool.write_text(
        "#!/bin/sh\n"
        f'case $1 in create) shift 3; for a in "$@"; do case $a in --from-file=*) cat "${{a#*=}}";; esac; done ;;'
        f" apply) cat >{tmp_path}/applied ;; esac\n"
    )
    tool.chmod(0o755)
    command = reload.replace("/files/", f"{machine.root}/").replace("kubectl", str(tool))
    assert machine.fetch(RELOAD=command) == 0, machine.said
    files = machine.files()
    names = ("ca-bundle.pem", "pins.json", "pins.txt", "manifest.json")
    assert (tmp_path / "applied").read_bytes() == b"".join(files[name] for name in names)


_STORED = """#!/bin/sh
# Each version of an object is a file of this machine, named by the hex of its version id.
[ "$1 $2 $3 $5" = "s3api get-object --bucket --key" ] || exit 252
version=$(printf %s "${7#--version-id=}" | od -An -tx1 | tr -d ' \\n')
if [ $# -eq 8 ]; then exec cp "$STORED/${6##*/}.$version" "$8"; fi
exec cp "$STORED/${6##*/}" "$7"
"""


@pytest.mark.parametrize(
    "version", ["3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo", "a_b.C-9==", "-b.C9"]
)
def test_a_version_of_any_form_that_s3_documents_is_fetched(version: str, tmp_path: Path) -> None:
    stored, tools = tmp_path / "stored", tmp_path / "tools"
    stored.mkdir()
    tools.mkdir()
    (tools / "aws").write_text(_STORED)
    (tools / "aws").chmod(0o755)
    files = {file_sets.BUNDLE: b"a bundle\n", file_sets.PINS: b"{}\n"}
    files[file_sets.SUMS] = file_sets.sums({name: file_sets.sha256(body) for name, body in files.items()})
    for name, body in files.items():
        (stored / f"{name}.{version.encode().hex()}").write_bytes(body)
    entries = [
        file_sets.Entry(name=name, version=version, size=len(body), sha256=file_sets.sha256(body), etag="e")
        for name, body in files.items()
    ]
    manifest = file_sets.Manifest(serial=1, source="s3://b/k", source_version=version, files=tuple(entries))
    (stored / file_sets.MANIFEST).write_bytes(file_sets.encode(manifest))
    variables = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "STORED": str(stored)}
    command = [str(EDGE / "fetch/genesys-files"), PLACE, str(tmp_path / "genesys")]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "genesys/current" / file_sets.BUNDLE).read_bytes() == files[file_sets.BUNDLE]
