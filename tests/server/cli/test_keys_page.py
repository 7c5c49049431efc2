"""docs/KEYS.md: every command is run as written, in order."""

import re
import shlex
from pathlib import Path

import pytest

from license_core import armor
from license_core.verify import open_license
from tests.support import server, softhsm
from tests.support.server import LINE, PASSPHRASE

pytestmark = softhsm.about_key_files
PAGE = (server.REPOSITORY / "docs" / "KEYS.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_command_on_the_keys_page_works_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = server.make(tmp_path / "server").data
    env = server.environment(data)
    issue = ["issue", "--customer=ACME", "--product=darwin", f"--host={LINE}", "--days=30"]

    def run(*words: str) -> str:
        done = server.at_once(*words, env=env)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def kid() -> str:
        """The key in use: the last that is active."""
        return str(re.findall(r"^(\S{43})  active", run("keys", "list"), re.MULTILINE)[-1])

    names = {"OLD": kid()}
    run(*issue, "-o", "first.dat")
    told = ""
    for block in BLOCKS:
        for line in block.splitlines():
            program, *words = shlex.split(line)
            assert program == "license-server"
            if "LEAKED" in words and "LEAKED" not in names:
                names["LEAKED"] = kid()
                run(*issue, "-o", "leaked.dat")
            words = [names.get(word, word) for word in words]
            signs = words[0] == "root" and words[1] != "create"
            if words[0] == "root":  # where a root key is, nothing else is
                alone = {"LICENSE_SERVER_PASSPHRASE": PASSPHRASE}
                done = server.at_once(*words, *(["--yes"] if signs else []), env=alone)
                assert done.returncode == 0, (words, done.stderr)
            else:
                told = run(*words)
    assert told.startswith("List 2 of ")
    (new,) = (tmp_path / "reissued").glob("*.dat")
    roots = server.roots(data)
    opened = open_license(new.read_bytes(), roots=roots)
    assert (
        opened.license.replaces
        == open_license(Path("leaked.dat").read_bytes(), roots=roots).license.jti
    )
    run(*issue, "-o", "last.dat")
    last = open_license(Path("last.dat").read_bytes(), roots=roots)
    assert last.trust.version == (2, 6)
    states = [one.state for one in last.trust.keyset.keyset.keys]
    assert states == ["retired", "revoked", "active"]
    listed = armor.unwrap(Path("license.revocations").read_bytes())
    assert len(listed[armor.REVOCATIONS]) == 1
    assert run("fsck").startswith("No faults found")
