"""Every client problem: its exit code and a remedy."""

from typing import Any

import pytest

from license_core.problems import PROBLEMS
from tests.support.cli import NUMBER, World, code
from tests.support.client_problems import CASES

READ_BY_THE_VENDOR = {"request-unreadable", "request-damaged", "request-ambiguous"}
"""The core reads requests, and only the vendor's side calls it: tests/server/test_problems.py."""
IN_PYTHON = {
    "internal-error": "a failure put into the process of Python",
    "memory-exhausted": "a failure put into the process of Python",
    "dependency-missing": "a failure put into the process of Python",
    "folder-unnamed": "packages, and other Pythons",
    **dict.fromkeys(
        ("file-is-mounted", "folder-not-writable", "disk-full", "write-failed"),
        "a failure put into the process of Python",
    ),
    **dict.fromkeys(
        (
            *("server-unreachable", "not-found", "not-authenticated", "not-permitted"),
            *("rate-limited", "database-unavailable", "signer-unavailable"),
        ),
        "fetching over HTTP, which that client does not",
    ),
}
"""Why the case of a problem is of Python alone."""


def of(case: tuple[Any, ...]) -> Any:
    """The parameters of the case of a problem; one of Python alone is marked so."""
    why = IN_PYTHON.get(case[0])
    return pytest.param(*case, marks=[pytest.mark.python_only(why)] if why else [])


@pytest.mark.parametrize("slug", [of((slug,)) for slug in CASES])
def test_each_problem_has_its_exit_code_and_a_remedy(world: World, slug: str) -> None:
    done = CASES[slug](world)
    assert done.exit_code == code(slug), done.err
    first, *rest = done.err.splitlines()
    assert first.startswith("[E]: ")
    assert len(first) > 12
    assert rest
    assert all(line.startswith(("     ", "[E]: ", "[W]: ")) for line in rest)
    assert "{" not in done.err
    assert "None" not in done.err


@pytest.mark.python_only("functions of the client in Python")
def test_every_client_problem_has_a_case_here() -> None:
    assert {row.slug for row in PROBLEMS.values()} == CASES.keys() | READ_BY_THE_VENDOR
    assert not CASES.keys() & READ_BY_THE_VENDOR


def test_json_problems_include_exit_code_and_facts(world: World) -> None:
    world.put(world.file(world.claims(aud="other")))
    done = world.json("verify")
    answer = done.json()
    assert done.exit_code == answer["exit_code"] == code("wrong-product")
    assert answer["ok"] is False
    (problem,) = answer["problems"]
    assert problem["facts"] == {"licensed": "other", "product": "darwin"}
    assert answer["license"]["jti"] == NUMBER


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        of(("not-authenticated", ("LICENSE_TOKEN", "`--token-file FILE`"))),
        of(("folder-missing", ("`mkdir -p ",))),
        of(("dependency-missing", ("--require-hashes -r requirements/client.txt", "--no-index"))),
    ],
)
def test_remedies_contain_what_to_type(world: World, slug: str, words: tuple[str, ...]) -> None:
    said = CASES[slug](world).err
    assert all(word in said for word in words), said
