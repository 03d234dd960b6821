"""The pod of deploy/kubernetes/plain.yaml, run by podman: the API and postern beside it."""

import base64
import hashlib
import os
import re
import shutil
import subprocess

import pytest
import yaml

from containers import Podman, assert_confined, build_image, facts, inside
from server import ROOT, until
from wire import PATIENCE

MANIFEST = ROOT / "deploy/kubernetes/plain.yaml"
GUARD, API = "orders-pod-0-postern", "orders-pod-0-api"  # as podman names them
SECRET = "chosen-by-this-test-5f3759df"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="without root the engine needs a range of user ids of its own")


@pytest.fixture(scope="module")
def pod(tmp_path_factory):
    """The engine, with the pod running in it."""
    folder = tmp_path_factory.mktemp("pod")
    documents = list(yaml.safe_load_all(MANIFEST.read_text()))
    for document in documents:
        if document["kind"] == "Deployment":
            # podman gives both pods one volume, and they must not share a store; without a network there is nothing to publish ports on.
            document["spec"]["replicas"] = 1
            for container in document["spec"]["template"]["spec"]["containers"]:
                container.pop("ports", None)
            catalog, = (volume for volume in document["spec"]["template"]["spec"]["volumes"] if "secret" in volume)
            assert catalog.pop("secret")["secretName"] == "postern"
            catalog["configMap"] = {"name": "postern-catalog"}
    secret, = (document for document in documents if document["kind"] == "Secret")
    # This podman mounts the values of a Secret as they are spelled, in base64: the same catalog, as a ConfigMap.
    secret.update(kind="ConfigMap", metadata={"name": "postern-catalog"}, data={"catalog.yaml": declared(secret)})
    secret.pop("type")
    podman = Podman()
    try:
        build_image(folder / "image")
        podman.load(folder / "image", "postern:0.1.0")
        podman("kube", "play", "--network", "none", "-", stdin=yaml.safe_dump_all(documents))
        until(lambda: "listening on" in podman.logs(GUARD), "postern", lambda: podman.logs(GUARD))
        yield podman
    finally:
        podman.end()


def declared(secret):
    """The catalog with a token whose secret this test knows."""
    text = base64.b64decode(secret["data"]["catalog.yaml"]).decode()
    text, count = re.subn(r"sha256: [0-9a-f]{64}", "sha256: " + hashlib.sha256(SECRET.encode()).hexdigest(), text)
    assert count == 1
    return text


def ask(podman, target, *fields, port=8080):
    """Status and body, asked within the pod: it has no other network."""
    headers = [word for field in fields for word in ("-H", field)]
    done = subprocess.run(
        inside(podman.pid(GUARD), ["curl", "-sS", "-m", str(int(PATIENCE)), "-w", "\n%{http_code}", *headers, f"http://127.0.0.1:{port}{target}"]),
        capture_output=True, text=True, timeout=2 * PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + podman.logs(GUARD)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def test_both_containers_are_confined_as_the_manifest_says(pod):
    assert_confined(pod.pid(GUARD), 65532)
    assert_confined(pod.pid(API), 65533)
    assert facts(pod.pid(GUARD))["users"] != facts(pod.pid(API))["users"]


def test_the_sidecar_guards_the_api(pod):
    assert ask(pod, "/health")[0] == 200
    assert ask(pod, "/api/v1/orders")[0] == 401
    status, body = ask(pod, "/api/v1/orders/7", f"Authorization: Bearer {SECRET}", "X-Subject-Id: forged")
    assert status == 200 and "shop" in body and "forged" not in body and SECRET not in body
    assert ask(pod, "/elsewhere", f"Authorization: Bearer {SECRET}")[0] == 403


def test_the_probes_of_the_manifest_answer_in_the_container(pod):
    deployment, = (document for document in yaml.safe_load_all(MANIFEST.read_text()) if document["kind"] == "Deployment")
    guard, = (container for container in deployment["spec"]["template"]["spec"]["containers"] if container["name"] == "postern")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        pod("exec", GUARD, *guard[probe]["exec"]["command"])
    assert ask(pod, "/readyz", port=9180)[0] == 200
    assert "postern_requests_total" in ask(pod, "/metrics", port=9180)[1]


def test_the_store_is_its_catalog_and_cannot_be_changed_by_commands(pod):
    assert "shop" in pod("exec", GUARD, "/postern", "token", "list")
    assert pod("exec", GUARD, "/postern", "token", "create", "--name", "x", "--quiet", ok=1) == ""


def test_a_second_container_with_the_same_process_id_is_refused_the_store(pod):
    """Both are process 1 of their namespace, by which LMDB tells who has its lock."""
    volume = pod("inspect", "--format", '{{range .Mounts}}{{if eq .Destination "/var/lib/postern"}}{{.Name}}{{end}}{{end}}', GUARD)
    image = pod("inspect", "--format", "{{.Image}}", GUARD)
    pod("run", "--name", "second", "--network", "none", "--user", "65532:65532", "--volume", f"{volume}:/var/lib/postern", image, "token", "list", ok=1)
    assert "process id" in pod.logs("second") or "PID namespace" in pod.logs("second"), pod.logs("second")


def test_it_takes_no_more_than_was_asked_for(pod):
    """What requests and limits in the manifests come from: `pytest -s` prints it."""
    wrk = shutil.which("wrk")
    before = cpu_seconds(pod.pid(GUARD))
    idle = memory(pod.pid(GUARD), "VmRSS")
    command = [wrk, "-t", "1", "-c", "64", "-d", "5s", "-H", f"Authorization: Bearer {SECRET}", "http://127.0.0.1:8080/api/v1/orders/7"]
    report = subprocess.run(inside(pod.pid(GUARD), command), capture_output=True, text=True, timeout=3 * PATIENCE).stdout
    requests = int(re.search(r"(\d+) requests in", report)[1])
    spent = cpu_seconds(pod.pid(GUARD)) - before
    peak = memory(pod.pid(GUARD), "VmHWM")
    print(f"idle {idle / 1e6:.1f} MB, with 64 connections at most {peak / 1e6:.1f} MB, {spent / requests * 1e6:.0f} µs of CPU a request ({requests} requests)")
    assert "Non-2xx" not in report and requests > 100
    assert peak < 32 * 1024 * 1024  # the request of the manifests; their limit is four times that


def memory(pid, what):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(rf"{what}:\s+(\d+) kB", status.read())[1]) * 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        words = stat.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_it_ends_when_told_while_the_api_is_still_there(pod):
    pod("stop", "--time", str(int(PATIENCE)), GUARD)
    assert pod("inspect", "--format", "{{.State.ExitCode}}", GUARD) == "0"
    assert "not ready any more, accepting for another 5000 ms" in pod.logs(GUARD)
