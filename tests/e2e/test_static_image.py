"""The image: what is in it, the same bytes from every build, and a container that may do nothing but serve."""

import hashlib
import io
import json
import os
import re
import subprocess
import tarfile

import pytest

from containers import BUILD, Layout, Podman, assert_confined, build_image
from server import ROOT, Postern, until
from wire import PATIENCE

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="without root the engine needs a range of user ids of its own")
POLICY = """\
version: 1
rules:
  - {path: /open/**, allow: anonymous}
  - {path: /private/**, authenticated: true}
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image") / "amd64"
    digest = build_image(folder)
    layout = Layout(folder)
    assert layout.descriptor["digest"] == digest
    return layout


@pytest.fixture(scope="module")
def files(image):
    layer, = image.manifest["layers"]
    with tarfile.open(fileobj=io.BytesIO(image.blob(layer["digest"]))) as archive:
        return {member.name: (member, archive.extractfile(member).read() if member.isfile() else b"") for member in archive}


def test_it_holds_the_binary_and_what_it_is_made_of(image, files):
    assert {name for name, (member, _) in files.items() if member.isfile()} == {"postern", "LICENSE", "sbom.spdx.json"}
    assert {name for name, (member, _) in files.items() if member.isdir()} == {"var", "var/lib", "var/lib/postern"}
    store, _ = files.pop("var/lib/postern")
    assert (store.uid, store.gid) == (65532, 65532)
    assert files["postern"][1] == (BUILD / "postern").read_bytes()
    assert {member.mtime for member, _ in files.values()} == {int(os.environ.get("SOURCE_DATE_EPOCH") or last_commit())}
    assert {(member.uid, member.gid) for member, _ in files.values()} == {(0, 0)}  # not the process's own to change
    assert files["postern"][0].mode & 0o7777 == 0o755
    config = image.config["config"]
    assert (image.config["architecture"], image.config["os"]) == ("amd64", "linux")
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("65532:65532", ["/postern"], ["run"])
    labels = config["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"] in subprocess.run([BUILD / "postern", "version"], capture_output=True, text=True).stdout
    assert all(name.startswith("org.opencontainers.image.") for name in labels)  # none that tells who built it
    size = image.descriptor["size"] + sum(blob["size"] for blob in [image.manifest["config"], *image.manifest["layers"]])
    print(f"{size / 1e6:.1f} MB, {sum(member.size for member, _ in files.values()) / 1e6:.1f} MB unpacked")
    assert size <= 10_000_000


def last_commit():
    return subprocess.run(["git", "-c", f"safe.directory={ROOT}", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True).stdout


def test_the_bill_of_materials_names_every_package_that_was_linked(files):
    document = json.loads(files["sbom.spdx.json"][1])
    packages = {package["SPDXID"]: package for package in document["packages"]}
    assert document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0" and document["SPDXID"] == "SPDXRef-DOCUMENT"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"])
    ours = packages.pop("SPDXRef-postern")
    assert ours["checksums"][0]["checksumValue"] == hashlib.sha256(files["postern"][1]).hexdigest()

    def related(how):
        return {packages[one["relatedSpdxElement"]]["name"] for one in document["relationships"] if one["relationshipType"] == how}

    linked = related("STATIC_LINK")
    assert linked >= {"libssl-dev", "liblmdb-dev", "libyaml-cpp-dev", "libboost-json1.81-dev", "libc6-dev", "libstdc++-12-dev"}
    assert related("DEPENDS_ON") >= {"libboost1.81-dev", "libcli11-dev"}
    for package in packages.values():
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"]) and package["downloadLocation"]
        installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", package["name"]], capture_output=True, text=True).stdout
        assert package["versionInfo"] in installed.splitlines(), package
        assert package["externalRefs"][0]["referenceLocator"].startswith(f"pkg:deb/debian/{package['name']}@")


def test_the_same_sources_give_the_same_digest(image, tmp_path):
    assert build_image(tmp_path / "again") == image.descriptor["digest"]


def test_an_image_does_not_promise_another_machine_than_its_binary_is_for(tmp_path):
    assert "is not built for arm64" in build_image(tmp_path / "arm", "--arch", "arm64", ok=1)
    assert "only knows amd64 and arm64" in build_image(tmp_path / "arm", "--arch", "mips", ok=1)


@as_root
def test_a_container_may_do_nothing_but_serve(image, tmp_path, upstream):
    """As user 65532 without capabilities, on a read-only root; what the kernel says about the process counts."""
    config = {"store": "/var/lib/postern", "policy": "/etc/postern/policy.yaml", "log": {"access": "off"}}
    server = Postern(tmp_path / "files", upstream=upstream.url, policy=POLICY, config=config)
    podman = Podman()
    confined = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
    volumes = ["--volume", f"{server.folder}:/etc/postern:ro", "--volume", "store:/var/lib/postern"]

    def ports():
        found = re.findall(r"(?:listening|admin) on http://127\.0\.0\.1:(\d+)", podman.logs("guard"))
        return len(found) == 2 and [int(port) for port in found]

    try:
        podman.load(image.folder, "postern:test")
        podman("run", "--detach", "--name", "guard", "--network", "host", *confined, *volumes, "postern:test")
        server.port, server.admin_port = until(ports, "its ports", lambda: podman.logs("guard"))
        assert_confined(podman.pid("guard"), 65532)
        secret = podman("exec", "guard", "/postern", "token", "create", "--name", "one", "--quiet")
        assert server.ask("GET", "/private/x", token=secret).status == 200
        assert server.ask("GET", "/private/x").status == 401
        assert podman("exec", "guard", "/postern", "probe", "live", "--admin-listen", f"127.0.0.1:{server.admin_port}") == "alive"
        podman("stop", "--time", str(int(PATIENCE)), "guard")
        assert podman("inspect", "--format", "{{.State.ExitCode}}", "guard") == "0"
    finally:
        podman.end()
