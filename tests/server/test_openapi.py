"""The API does what its description says: schemathesis asks it all that the description allows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from license_core.problems import PROBLEMS
from license_server import auth
from license_server.api import openapi
from license_server.api.describe import OPERATIONS, always
from license_server.permissions import PERMISSIONS
from license_server.vault import open_database
from tests.server.conftest import Desk
from tests.support import server

EXAMPLES, EXAMPLES_TORTURE = 10, 1000
HERE = Path(__file__).resolve().parent


def examine(folder: Path, database_url: str | None, examples: int, *more: str) -> str:
    """Run all default checks of schemathesis, all phases, on a server process; its last words."""
    data = server.make(folder / "server", database_url).data
    opened = open_database(server.settings(data, database_url))
    grant = auth.Grant(frozenset(PERMISSIONS))
    token = server.new_token(opened, "schemathesis", 1, grant)
    opened.close()
    told = folder / "schemathesis.txt"  # a file, so that a long run can be watched
    with server.serving(data, database_url) as (url, _), told.open("wb") as output:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                f"--config-file={HERE / 'schemathesis.toml'}",
                "run",
                f"{url}/api/v1/openapi.json",
                f"--max-examples={examples}",
                "--generation-database=none",  # it would spend its time on what to keep there
                "--no-color",
                "--continue-on-failure",
                *more,
            ],
            cwd=folder,
            env=os.environ
            | {
                "HOSTSEAL_TOKEN": token,
                "SCHEMATHESIS_HOOKS": "tests.server.schemathesis_hooks",
                "PYTHONPATH": str(server.REPOSITORY),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    said = told.read_text("utf-8")
    assert done.returncode == 0, said[-20_000:]
    log = (folder / "server.log").read_text("utf-8")
    assert "Traceback" not in log
    return " ".join(re.findall(r"^ *(\d+ generated.*)$", said, re.MULTILINE))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_api_keeps_its_description(tmp_path: Path, kind: str) -> None:
    from tests.support.postgres import new_database

    # The same questions each time: chance is for the long campaign.
    steady = ("--generation-deterministic", "--seed=1")
    assert examine(tmp_path, None if kind == "sqlite" else new_database(), EXAMPLES, *steady)


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_torture_the_description(tmp_path: Path, kind: str) -> None:
    from tests.support.postgres import new_database

    told = examine(tmp_path, None if kind == "sqlite" else new_database(), EXAMPLES_TORTURE)
    print(f"\nschemathesis ({kind}), {EXAMPLES_TORTURE} examples an operation: {told}")


def test_every_operation_is_described_with_an_example_and_its_problems() -> None:
    slugs = {row.slug for row in PROBLEMS.values()}
    found = {name for _, _, name, _ in openapi.operations()}
    assert found == OPERATIONS.keys()
    for name, operation in OPERATIONS.items():
        assert set(always(operation)) <= slugs, name
        assert (operation.body is None) == (operation.example is None), name


def test_every_operation_demands_a_permission() -> None:
    for _, path, _, route in openapi.operations():
        assert openapi.permission(route) in PERMISSIONS, path


def test_a_method_that_is_not_taken_is_told_all_that_are(desk: Desk) -> None:
    reply = desk.client.request("DELETE", "/api/v1/licenses", headers=desk.bearer)
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, POST")
