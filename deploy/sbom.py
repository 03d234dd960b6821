"""What a static postern consists of, as an SPDX 2.3 document on standard output.

    /usr/bin/python3 deploy/sbom.py BUILD_DIRECTORY --version 0.1.0

Nothing in it is written by hand: the linker's map names each archive of which something was linked, and Ninja knows every header that
was read. Debian's package database says whose files these are. With SOURCE_DATE_EPOCH set, the same build gives the same bytes.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Dict, List, Set

LINKED = re.compile(r"^(?:LOAD )?(/[^\s()]+\.(?:a|o))(?:\(.*)?$", re.M)
FIELDS = ["Package", "Version", "Architecture", "source:Package", "source:Version", "Homepage"]


def linked_files(build: Path) -> Set[str]:
    """Archives with a member in the binary, and the C library's start files."""
    text = (build / "postern.map").read_text()
    members = text[: text.index("\nDiscarded input sections")]
    loaded = re.findall(r"^LOAD (/\S+\.o)$", text, re.M)
    return {name for name in [*LINKED.findall(members), *loaded] if not Path(name).is_relative_to(build)}


def compiled_headers(build: Path) -> Set[str]:
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^    (/usr/\S+)$", text, re.M))


def owners(files: Set[str]) -> Set[str]:
    """Packages (name:architecture) that the files belong to. Every file must belong to one."""
    # Debian's database knows the names from before /lib became a link into /usr.
    names: Dict[str, str] = {}
    for name in files:
        real = os.path.realpath(name)
        for known in (real, real.removeprefix("/usr")):
            names[known] = real
    done = subprocess.run(["dpkg", "-S", *sorted(names)], capture_output=True, text=True)
    found, packages = set(), set()
    for line in done.stdout.splitlines():
        owner, _, path = line.rpartition(": ")
        if path in names and not owner.startswith("diversion by"):
            found.add(names[path])
            packages.update(owner.split(", "))
    missing = set(names.values()) - found
    if missing:
        raise SystemExit(f"sbom: no package has {', '.join(sorted(missing))}")
    return packages


def describe(package: str) -> Dict[str, str]:
    form = "\n".join("${%s}" % field for field in FIELDS) + "\n"
    text = subprocess.run(["dpkg-query", "-W", "-f", form, package], check=True, capture_output=True, text=True).stdout
    return dict(zip(FIELDS, text.split("\n")))


def debian_package(package: str) -> Dict[str, object]:
    about = describe(package)
    name, version, architecture = (about[field] for field in FIELDS[:3])
    purl_version = version.replace("+", "%2B").replace(":", "%3A")
    return {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", f"{name}-{architecture}"),
        "name": name,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "homepage": about["Homepage"] or "NOASSERTION",
        "sourceInfo": f"built from {about['source:Package']} {about['source:Version']}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:deb/debian/{name}@{purl_version}?arch={architecture}&distro=debian-12",
            }
        ],
    }


def document(build: Path, version: str) -> Dict[str, object]:
    digest = hashlib.sha256((build / "postern").read_bytes()).hexdigest()
    linked = owners(linked_files(build))
    headers = owners(compiled_headers(build)) - linked
    packages: List[Dict[str, object]] = [
        {
            "SPDXID": "SPDXRef-postern",
            "name": "postern",
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "primaryPackagePurpose": "APPLICATION",
            "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "Apache-2.0",
            "copyrightText": "NOASSERTION",
        }
    ]
    relationships = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-postern"}]
    for package in sorted(linked | headers):
        entry = debian_package(package)
        packages.append(entry)
        relationship = {"spdxElementId": "SPDXRef-postern", "relatedSpdxElement": entry["SPDXID"]}
        if package in linked:
            relationships.append({**relationship, "relationshipType": "STATIC_LINK"})
        else:
            relationships.append({**relationship, "relationshipType": "DEPENDS_ON", "comment": "only headers, which were compiled in"})
    created = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"postern-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/postern-{version}-{digest}",
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", created), "creators": ["Tool: postern-sbom"]},
        "packages": packages,
        "relationships": relationships,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=Path, help="where a static postern was built")
    parser.add_argument("--version", required=True)
    given = parser.parse_args()
    print(json.dumps(document(given.build.resolve(), given.version), indent=1))


if __name__ == "__main__":
    main()
