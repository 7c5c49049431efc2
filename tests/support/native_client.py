"""What is made of native/ for tests; the client once a source."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.support.cli import REPOSITORY
from tests.support.need import need

_NATIVE = REPOSITORY / "native"
_FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=")


class Built(NamedTuple):
    """Both forms of it."""

    plain: Path
    """As it is shipped."""
    edges: Path
    """The same, except that its clock and its folders are what a test says."""


def is_buildable() -> bool:
    """Whether there is Go."""
    return shutil.which("go") is not None


def build(package: str, program: Path, *options: str) -> None:
    """Compile a *package* of native/ into *program*. Skips the test where there is no Go."""
    if not is_buildable():
        need("Go", "apt-get install golang-go")
    subprocess.run(
        ["go", "build", *_FLAGS, *options, "-o", program, package],
        cwd=_NATIVE,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=True,
    )


def kept() -> Built:
    """The client as its sources are now. Skips the test where there is no Go."""
    sources = sorted([*_NATIVE.rglob("*.go"), _NATIVE / "go.mod"])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"hostseal-native-{os.getuid()}-{digest[:16]}"
    built = Built(folder / "hostseal", folder / "hostseal-edges")
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            for name, tags in (("hostseal", ""), ("hostseal-edges", "edges")):
                build(".", Path(made, name), "-tags", tags)
            try:
                os.rename(made, folder)
                os.mkdir(made)  # what is left to be removed
            except OSError:  # another was quicker
                assert folder.is_dir()
    return built
