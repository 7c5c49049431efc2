"""The commands of a product's client: defaults, its own, and what is refused."""

import json
from typing import Any

import pytest

from license_server.catalog import client_commands, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.client_commands import DEFAULT
from license_server.catalog.faults import faults_of
from license_server.db.errors import InputInvalidError


def product(**commands: str) -> Product:
    stored = products.read({"commands": commands})["commands"]
    return Product(1, "owl", 0, None, None, None, needs_approval=False, commands=stored)


def test_product_that_says_nothing_has_the_default_commands() -> None:
    assert client_commands.of(product()) == client_commands.of(None) == DEFAULT
    assert DEFAULT.installation == (
        ". ./platform_env",
        "python cmd/cli.py install license.dat",
        "python cmd/cli.py verify",
        "sh start.sh",
    )
    assert (DEFAULT.key, DEFAULT.file) == ("python cmd/cli.py get_host_key", "conf/license.dat")


def test_name_of_the_client_is_in_all_of_its_commands() -> None:
    found = client_commands.of(product(client="./hostseal"))
    assert (found.key, found.install) == (
        "./hostseal get_host_key",
        "./hostseal install license.dat",
    )
    assert (found.verify, found.explain) == ("./hostseal verify", "./hostseal verify --explain")
    assert (found.request, found.doctor) == ("./hostseal request", "./hostseal doctor")


def test_hyphen_leaves_a_command_out() -> None:
    found = client_commands.of(product(environment="-", start="-", verify="owl check"))
    assert found.installation == ("python cmd/cli.py install license.dat", "owl check")
    assert found.explain == "owl check --explain"


@pytest.mark.parametrize(
    ("member", "text", "reason"),
    [
        ("client", "-", "the product cannot do without it"),
        ("start", "a `b`", "it has a backquote; write $(…) instead"),
        ("start", "a\x1b[2J", "it has control characters"),
        ("start", "\u202ea", "it has control characters"),
        ("start", "x" * 201, "200"),
        ("start", "  ", "it has 0 characters"),
        ("start", 7, "it is not a string"),
        ("begin", "x", "there is no such command; there are: environment, client"),
    ],
)
def test_wrong_command_is_refused_at_its_name(member: str, text: Any, reason: str) -> None:
    with pytest.raises(InputInvalidError) as caught:
        products.read({"commands": {member: text}})
    (fault,) = faults_of(caught.value)
    assert fault.field == f"commands.{member}"
    assert reason in str(fault.error.facts["reason"])


def test_commands_are_stored_as_they_were_said() -> None:
    stored = products.read({"commands": {"start": "make up", "key": None}})["commands"]
    assert json.loads(stored) == {"start": "make up"}
    assert products.read({"commands": {}})["commands"] is None
    with pytest.raises(InputInvalidError):
        products.read({"commands": ["make up"]})
