"""SECURITY.md: a vendor who follows it can be written to in private."""

import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.need import need
from tests.support.server import REPOSITORY

PAGE = (REPOSITORY / "SECURITY.md").read_text("utf-8")
MAKING, TELLING, REPORTING = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GPG = """#!/bin/sh
exec {gpg} --batch --yes --quiet --pinentry-mode loopback --passphrase "" {more} "$@"
"""


class Person:
    """Somebody with a GnuPG of their own, who is asked nothing."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        (folder / "home").mkdir(mode=0o700)
        program = folder / "bin" / "gpg"
        program.write_text(GPG.format(gpg=shutil.which("gpg"), more=" ".join(more)))
        program.chmod(0o755)

    def run(self, script: str) -> str:
        """What a script prints, in their folder."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env={
                "GNUPGHOME": str(self.folder / "home"),
                "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def people(tmp_path: Path) -> tuple[Person, Person]:
    """The vendor, and somebody who found something."""
    if shutil.which("gpg") is None:
        need("gpg", "apt-get install gnupg")
    return Person(tmp_path / "vendor"), Person(tmp_path / "finder", "--trust-model always")


def test_report_reaches_the_vendor_whose_key_was_published(people: tuple[Person, Person]) -> None:
    vendor, finder = people
    try:
        vendor.run(MAKING)
        vendor.run(TELLING)
        signed = (vendor.folder / "security.txt").read_text("ascii")
        fields = dict(re.findall(r"^([A-Z][\w-]+): (\S.*)$", signed, re.MULTILINE))
        assert fields.keys() >= {"Contact", "Encryption", "Canonical", "Expires"}
        assert datetime.fromisoformat(fields["Expires"]).tzinfo is not None
        for name in ("security.asc", "security.txt"):
            shutil.copy(vendor.folder / name, finder.folder)
        assert "PRIVATE" not in (finder.folder / "security.asc").read_text("ascii")
        (finder.folder / "report.txt").write_text("a licence passes that should not\n")
        finder.run(f"{REPORTING}gpg --verify security.txt")
        sent = finder.folder / "report.txt.asc"
        assert "licence" not in sent.read_text("ascii")
        shutil.copy(sent, vendor.folder)
        read = vendor.run("gpg --decrypt report.txt.asc")
        assert read == "a licence passes that should not\n"
    finally:
        for person in people:
            person.run("gpgconf --kill all")
