"""What a bundle is made of, as CycloneDX JSON: cyclonedx-py reads an environment, and the hashes of our wheels are added.

Decided in docs/decisions/0075-a-release.md
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def sbom(environment: Path, hashes: Mapping[str, str]) -> str:
    """Describe the packages of an environment that came from a bundle; `hashes` are its wheels' sha256 by file name."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    what = ["--spec-version=1.6", "--output-format=JSON", str(environment / "bin/python")]
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    made = subprocess.run([*command, *what], check=True, capture_output=True, text=True)
    text = json.dumps(with_hashes(json.loads(made.stdout), hashes), indent=2, sort_keys=True) + "\n"
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SystemExit(f"the list of packages is not CycloneDX: {fault}")
    return text


def with_hashes(document: dict[str, Any], hashes: Mapping[str, str]) -> dict[str, Any]:
    """Keep what came from the bundle, which leaves out pip, and add the sha256 of each one's wheel.

    Our own package is what the document is about, all others are its components.
    """
    by_name = {_normal(file.split("-")[0]): value for file, value in hashes.items()}
    kept = [part for part in document["components"] if _normal(part["name"]) in by_name]
    for part in kept:
        part["hashes"] = [{"alg": "SHA-256", "content": by_name[_normal(part["name"])]}]
        for reference in part.get("externalReferences", []):
            # where it lay while it was tried is nobody's business
            if reference["url"].startswith("file:"):
                reference["url"] = reference["url"].rsplit("/", 1)[-1]
    names = {part["bom-ref"] for part in kept}
    document["components"] = [part for part in kept if part["name"] != "device-console"]
    document["metadata"]["component"] = next(part for part in kept if part["name"] == "device-console")
    document["dependencies"] = [
        entry | {"dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in names]}
        for entry in document["dependencies"]
        if entry["ref"] in names
    ]
    return document


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
