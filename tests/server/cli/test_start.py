"""Commands start fast: what one of them needs is imported where it is used, and only there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from license_server.cli.lazy import Later
from license_server.cli.main import cli
from tests.support import server
from tests.support.problems import exit_code

LIBRARIES = frozenset(
    {"alembic", "argon2", "asyncio", "authlib", "cryptography", "email", "fastapi", "http", "httpx"}
    | {"itsdangerous", "jinja2", "prometheus_client", "psycopg", "pydantic", "pydantic_settings"}
    | {"segno", "sqlalchemy", "ssl", "starlette", "structlog", "uvicorn"}
)
"""What no command needs before it knows what to do."""
COMMANDS = sorted(cli.commands)


def loaded_by(code: str) -> set[str]:
    """The modules that an interpreter has after *code*."""
    code += "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_no_library_and_no_command() -> None:
    loaded = loaded_by("from license_server.cli.main import main\nassert main(['--help']) == 0")
    assert not LIBRARIES & loaded
    assert not {"license_server.cli.parties", "license_server.settings"} & loaded


@pytest.mark.parametrize("words", [["issue", "-h"], ["product", "list", "--help"]])
def test_help_of_a_command_loads_no_library_and_reads_no_settings(words: list[str]) -> None:
    loaded = loaded_by(
        "import os\nos.environ['LICENSE_SERVER_RATE'] = 'wrong'\n"
        f"from license_server.cli.main import main\nassert main({words!r}) == 0"
    )
    assert not LIBRARIES & loaded
    assert "license_server.settings" not in loaded


def test_value_that_reads_like_help_is_none(data: Path) -> None:
    words = ("revoke", "HS-2026-NONE0000", "--reason", "--help")
    done = server.at_once(*words, env=server.environment(data))
    assert done.returncode == exit_code("not-found"), done.stderr


def test_commands_themselves_load_no_library() -> None:
    """So the help of each takes about as long as that of all."""
    loaded = loaded_by(
        "from license_server.cli.main import cli\n"
        "for command in cli.commands.values(): command.load()"
    )
    assert not LIBRARIES & loaded
    assert "license_server.cli.parties" in loaded


def test_reading_command_loads_the_database_and_nothing_of_the_server(data: Path) -> None:
    loaded = loaded_by(
        "from license_server.cli.main import main\n"
        f"assert main(['--data', {str(data)!r}, 'product', 'list']) == 0"
    )
    of_the_server = {"alembic", "fastapi", "httpx", "jinja2", "mako", "prometheus_client"}
    assert not (of_the_server | {"starlette", "structlog", "uvicorn"}) & loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    listed = cli.commands[name]
    assert isinstance(listed, Later)
    command = listed.load()
    assert command.name == name
    for width in (20, 45, 200):
        assert listed.get_short_help_str(width) == command.get_short_help_str(width)
    assert (listed.hidden, listed.deprecated) == (command.hidden, command.deprecated)
