"""The API conforms to its OpenAPI description, checked by schemathesis."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
from pydantic_core import PydanticSerializationError

from license_core.errors import NotFoundError
from license_server.access import tokens
from license_server.api import openapi, responses, schemas
from license_server.api.license_responses import Noted
from license_server.api.operations import OPERATIONS, always
from license_server.db.errors import InputInvalidError
from license_server.http import problem_json
from license_server.http.problem_types import ROWS
from license_server.operations.data_folder import open_database
from license_server.permissions import PERMISSIONS
from tests.support import server
from tests.support.desk import Desk

EXAMPLES, EXAMPLES_TORTURE = 4, 1000
WALKS, CASES = r"^ *Scenarios: +(\d+)$", r"^ *(\d+) generated"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
COVERED = 3
"""Of the operations one in so many meets every boundary of its description in the suite.

Each meets its examples and those by chance, and in `make torture` its boundaries too.
"""


def configuration(folder: Path, covered: int) -> Path:
    """What schemathesis is told where one operation in so many meets its boundaries."""
    uncovered = [name for number, name in enumerate(sorted(OPERATIONS)) if number % covered]
    made = folder / "schemathesis.toml"
    text = CONFIGURATION.read_text("utf-8")
    if uncovered:
        text += f"\n[[operations]]\ninclude-operation-id = {uncovered}\n"
        text += "phases.coverage.enabled = false\n"
    made.write_text(text, "utf-8")
    return made


def examine(
    folder: Path, database_url: str | None, examples: int, *more: str, covered: int = 1
) -> str:
    """Run all default checks of schemathesis, all phases, on a server process; its last words.

    A walk over links ends early where a step leads elsewhere than it led before, as in a ledger it
    must (a name that was free is taken): others begin until there were *examples* walks.
    """
    data = server.make(folder / "server", database_url).data
    opened = open_database(server.settings(data, database_url))
    grant = tokens.Grant(frozenset(PERMISSIONS))
    token = server.new_token(opened, "schemathesis", 1, grant)
    opened.close()
    configuration(folder, covered)
    arguments = [f"--max-examples={examples}", *more]
    with server.serving(data, database_url) as (url, _):
        said = _run(folder, url, token, *arguments)
        walks = _number(said, WALKS)
        while walks < examples:
            again = _run(folder, url, token, "--phases=stateful", *arguments)
            assert _number(again, WALKS) > 0, again[-20_000:]
            walks += _number(again, WALKS)
    log = (folder / "server.log").read_text("utf-8")
    assert "Traceback" not in log
    return f"{_number(said, CASES)} generated, and {walks} walks over links"


def _run(folder: Path, url: str, token: str, *arguments: str) -> str:
    """What schemathesis said, which found nothing."""
    told = folder / "schemathesis.txt"  # a file, so that a long run can be watched
    with told.open("wb") as output:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                f"--config-file={folder / CONFIGURATION.name}",
                "run",
                f"{url}/api/v1/openapi.json",
                "--no-color",
                "--continue-on-failure",
                *arguments,
            ],
            cwd=folder,
            env=os.environ
            | {
                "HOSTSEAL_TOKEN": token,
                "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
                "PYTHONPATH": str(server.REPOSITORY),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    said = told.read_text("utf-8")
    assert done.returncode == 0, said[-20_000:]
    return said


def _number(said: str, pattern: str) -> int:
    found = re.search(pattern, said, re.MULTILINE)
    assert found, said[-20_000:]
    return int(found[1])


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_api_conforms_to_its_openapi_description(tmp_path: Path, kind: str) -> None:
    from tests.support.postgres import new_database

    # The same questions each time: chance is for the long campaign.
    steady = ["--generation-deterministic", "--seed=1"]
    if kind == "sqlite":
        examine(tmp_path, None, EXAMPLES, *steady, covered=COVERED)
    else:  # what is refused before a database is asked was seen with the other one
        examine(tmp_path, new_database(), EXAMPLES, "--phases=examples,stateful", *steady)


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_api_conforms_to_its_description_in_a_long_campaign(tmp_path: Path, kind: str) -> None:
    from tests.support.postgres import new_database

    # With a database of examples it spends its time on what to keep there.
    fresh = "--generation-database=none"
    url = None if kind == "sqlite" else new_database()
    told = examine(tmp_path, url, EXAMPLES_TORTURE, fresh)
    print(f"\nschemathesis ({kind}), {EXAMPLES_TORTURE} examples an operation: {told}")


def test_every_operation_is_described_with_example_and_problems() -> None:
    found = {name for _, _, name, _ in openapi.operations()}
    assert found == OPERATIONS.keys()
    for name, operation in OPERATIONS.items():
        assert set(always(operation)) <= ROWS.keys(), name
        assert (operation.body is None) == (operation.example is None), name


def test_problem_documents_match_their_schema() -> None:
    components = openapi.document()["components"]
    described = components["schemas"]["Problem"]
    validator = jsonschema_rs.validator_for(described | {"components": components})
    for error in (
        NotFoundError(what="page", name="/nowhere"),
        InputInvalidError(field="days", reason="it is missing"),
    ):
        document = problem_json.document(error, "0123456789abcdef")
        assert validator.is_valid(document)
        for member in (*described["required"], "errors"):
            assert not validator.is_valid({**document, member: None}), member
        for error_member in ("field", "type", "detail"):
            wrong = {"field": "days", "type": "x", "detail": "y"} | {error_member: None}
            assert not validator.is_valid({**document, "errors": [wrong]}), error_member


def test_reply_with_a_wrong_type_is_not_serialised() -> None:
    noted = Noted(license="HS-2026-7F3K9QXB", note="a note")
    assert responses.to_json(noted) == b'{"license":"HS-2026-7F3K9QXB","note":"a note"}'
    noted.note = 7  # type: ignore[assignment]
    with pytest.raises(PydanticSerializationError):
        responses.to_json(noted)


def test_every_operation_requires_a_permission() -> None:
    for _, path, _, route in openapi.operations():
        assert openapi.permission(route) in PERMISSIONS, path


def test_unsupported_method_gets_the_allowed_ones(desk: Desk) -> None:
    reply = desk.client.request("DELETE", "/api/v1/licenses", headers=desk.bearer)
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("sheet", "status"),
    [
        ("ABC,darwin,77be715e1107f928d1f2e5bae8e47a27ebd3c343,1\n", 200),
        ("ABC,darwin,77be715e1107f928d1f2e5bae8e47a27ebd3c343,1\n*", 200),
        ("ABC,darwin,,1,more\n", 422),
        ('ABC,"darwin', 422),
        ("\0", 422),
    ],
)
def test_import_accepts_exactly_the_described_csv_files(
    desk: Desk, sheet: str, status: int
) -> None:
    text = f"customer,product,host,days\n{sheet}"
    headers = desk.bearer | {"Content-Type": "text/csv"}
    reply = desk.client.post("/api/v1/imports?dry_run=true", content=text, headers=headers)
    described = any(re.search(pattern, text) for pattern in schemas.SHEETS)
    assert (reply.status_code, described) == (status, status == 200)
