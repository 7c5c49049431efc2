"""The client without Python: what it leaves out, and some of the client's own tests by it.

``make test-native`` runs all of those.
"""

import subprocess
from pathlib import Path

from tests.support import commonest, native_client
from tests.support.cli import World, code


def test_commonest_tests_of_the_client_pass_without_python() -> None:
    done = commonest.run(HOSTSEAL_CLI=str(native_client.kept().plain))
    assert done.returncode == 0, done.stdout


def test_a_url_is_refused_with_what_to_do_and_in_no_help_page(tmp_path: Path) -> None:
    world = World(tmp_path)

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        line = [str(native_client.kept().plain), *world.options(), "install", *arguments]
        return subprocess.run(line, capture_output=True, text=True)

    refused = run("https://licences.example.com/l.dat")
    assert refused.returncode == code("usage")
    assert "[E]: https://licences.example.com/l.dat is a URL." in refused.stderr
    assert "install FILE`." in refused.stderr
    assert "URL" not in run("--help").stdout
