"""``make image``: builds the images of the server and of the client, the same bytes each time.

What goes into an image is put together here, in a folder; the Dockerfiles only copy it. So a build
runs nothing of the image, needs no network but for pinned packages, and can be for another
architecture. Every file has one time, SOURCE_DATE_EPOCH: by default that of the last commit.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from deploy import packed
from deploy.image import debian
from license_core.errors import LicenseError
from tests.support import onefile, release

CACHE = packed.REPOSITORY / ".cache" / "image"
IMAGES = {"server": "Dockerfile", "client": "client.Dockerfile"}


def assemble(kind: str, architecture: str, folder: Path, *, newest: bool, base: str) -> None:
    """Put together in the new *folder* what the image is made of.

    With a *base* of somebody else's, nothing of Debian but tini. Raises UnavailableError.
    """
    pins = {} if newest else debian.pinned(architecture)
    system, place = folder / "debian", folder / "hostseal" / "opt/hostseal"
    debian.unpack(debian.fetch(architecture, CACHE, pins), system)
    (place / "bin").mkdir(parents=True)
    shutil.move(system / "usr/bin/tini-static", place / "bin" / "tini")
    (system / "usr/bin/tini").unlink()
    if base != "scratch":
        shutil.rmtree(system)
        system.mkdir()
    else:
        _compile(system, "usr/lib/python3.11")
    if kind == "server":
        for name in ("license-server", "ready"):
            shutil.copy(debian.HERE / name, place / "bin" / name)
        packed.install(architecture, place / "lib")
        _compile(folder / "hostseal", "opt/hostseal/lib")
    else:
        onefile.build(place / "bin" / "license-cli", [sys.executable])
    owned = folder / "owned" / ("data" if kind == "server" else "product/conf")
    owned.mkdir(parents=True)
    packed.settle_modes(folder)
    owned.chmod(0o700)
    (system / "tmp").mkdir(exist_ok=True)
    (system / "tmp").chmod(0o1777)


def _compile(root: Path, folder: str) -> None:
    """Compile the modules of a *folder* in *root* for good: nothing can be written there later."""
    line = [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    where = ["-s", str(root), "-p", "/", str(root / folder)]
    subprocess.run([*line, *where], env=os.environ | {"PYTHONHASHSEED": "0"}, check=True)


def build(kind: str, architecture: str, base: str, *, newest: bool) -> str:
    """Build an image; its name, for who runs it. Raises UnavailableError."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" != packed.PYTHON:
        raise packed.UnavailableError(
            f"the images have Python {packed.PYTHON}: build them with that one"
        )
    name = f"hostseal-{kind}:{packed.version()}"
    tools = {
        "buildah": ["bud", "--format", "docker", "--timestamp", packed.epoch()],
        "docker": ["build"],
    }
    tool = next((one for one in tools if shutil.which(one)), None)
    if tool is None:
        raise packed.UnavailableError("neither buildah nor docker is here; apt-get install buildah")
    with tempfile.TemporaryDirectory(prefix="hostseal-image-") as place:
        context = Path(place) / "context"
        assemble(kind, architecture, context, newest=newest, base=base)
        told = ["--platform", f"linux/{architecture}", "--build-arg", f"BASE={base}"]
        told += ["--build-arg", f"VERSION={packed.version()}", "--quiet", "--tag", name]
        file = ["--file", str(debian.HERE / IMAGES[kind]), str(context)]
        subprocess.run([tool, *tools[tool], *told, *file], check=True, stdout=subprocess.DEVNULL)
        if tool == "buildah":
            _forget_the_build(name, Path(place))
    return name


def _forget_the_build(name: str, folder: Path) -> None:
    """Take out of an image what names the container it was built in, another each time."""
    export(name, folder / "built.tar")
    with tarfile.open(folder / "built.tar") as built, tarfile.open(folder / "new.tar", "w") as new:

        def read(member: str) -> Any:
            return json.load(cast("IO[bytes]", built.extractfile(member)))

        (manifest,) = read("manifest.json")
        config = read(manifest["Config"])
        for known in ("container", "container_config"):
            config.pop(known, None)
        config["config"].pop("Hostname", None)
        data = json.dumps(config, sort_keys=True).encode()
        manifest["Config"] = f"{hashlib.sha256(data).hexdigest()}.json"
        made = {manifest["Config"]: data, "manifest.json": json.dumps([manifest]).encode()}
        for member, content in made.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            new.addfile(entry, io.BytesIO(content))
        for layer in manifest["Layers"]:
            new.addfile(built.getmember(layer), built.extractfile(layer))
    subprocess.run(["buildah", "rmi", "--force", name], check=True, stdout=subprocess.DEVNULL)
    pull = ["buildah", "pull", "--quiet", f"docker-archive:{folder / 'new.tar'}"]
    pulled = subprocess.run(pull, check=True, capture_output=True, text=True).stdout.split()[-1]
    subprocess.run(["buildah", "tag", pulled, name], check=True)


def export(name: str, path: Path) -> None:
    """Write an image that buildah built as ``docker save`` would."""
    path.unlink(missing_ok=True)
    subprocess.run(
        ["buildah", "push", "--quiet", name, f"docker-archive:{path}:{name}"], check=True
    )


def archive(kind: str, architecture: str, folder: Path, key: str) -> Path:
    """Write what buildah built as ``docker save`` would, its SHA-256 and its signature by *key*.

    Nothing is left where it cannot be signed, by a former run neither. Raises LicenseError.
    """
    name = f"hostseal-{kind}:{packed.version()}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"hostseal-{kind}-{packed.version()}-{architecture}.tar"
    for left in (path, *_beside(path)):  # by a former run, of other bytes
        left.unlink(missing_ok=True)
    export(name, path)
    try:
        release.sign_file(path, key)
    except LicenseError:
        path.unlink()
        raise
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    _, checksum = _beside(path)
    checksum.write_text(f"{digest}  {path.name}\n", "ascii")
    return path


def _beside(path: Path) -> tuple[Path, Path]:
    """The signature and the checksum of an archive."""
    return path.with_name(f"{path.name}.sig"), path.with_name(f"{path.name}.sha256")


def main(words: Sequence[str]) -> int:
    """Do what ``make`` asks for."""
    asked = argparse.ArgumentParser(prog="deploy.image.build", description=__doc__)
    asked.add_argument("what", choices=["image", "archive", "pins"])
    asked.add_argument("--architecture", default=packed.here(), choices=list(packed.WHEELS))
    asked.add_argument("--base", default="scratch", help="another base, with Python 3.11")
    asked.add_argument("--newest", action="store_true", help="Debian's newest, not the pinned ones")
    asked.add_argument("--key", help="the key that signs the archives: its file, or a signer")
    told = asked.parse_args(words)
    try:
        if told.what == "pins":
            for architecture in packed.WHEELS:
                debian.pin(architecture, CACHE)
            return 0
        for kind in IMAGES:
            if told.what == "image":
                print(build(kind, told.architecture, told.base, newest=told.newest))
            else:
                print(archive(kind, told.architecture, packed.REPOSITORY / "dist", told.key))
    except packed.UnavailableError as error:
        print(f"[E]: {error}", file=sys.stderr)
        return 1
    except LicenseError as error:
        print(f"[E]: {error.sentence}\n     Nothing was signed. {error.remedy()}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
