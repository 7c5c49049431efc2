"""Every command of HOWTO, UPGRADING and deploy/*/README.md: which test runs it, or why none does.

A command that a page gains is in no row, and fails here. Beside that, each is held against its
program, where that can tell: its commands and options are there. That is the short form of what
only `make torture` runs.
"""

import ast
from typing import NamedTuple

import pytest

from tests.support import knows
from tests.support.page_commands import PAGES, blocks, inline, lines, words
from tests.support.server import REPOSITORY


class Held(NamedTuple):
    """No test runs it; its program knows what it names."""

    why: str


A_NAME = Held("it names a command, without what else is typed")
ARCHIVE = "tests/containers/test_image_archive.py::test_passphrase_is_read_from_its_file"
CHECK = "tests/server/operations/test_check.py::test_command_says_that_all_is_well"
COMPOSE = (
    "tests/containers/test_compose.py"
    "::test_readme_leads_to_the_first_licence_a_backup_and_a_restore"
)
DEBIAN = (
    "tests/deploy/test_packages.py::test_clean_debian_issues_its_first_licence_after_three_commands"
)
FETCH = (
    "tests/server/mail/test_dovecot.py"
    "::test_ten_mails_are_filed_once_though_the_reader_is_killed_after_each"
)
HELM = "tests/deploy/test_chart.py::test_chart_is_valid_by_the_schemas"
HOWTO = "tests/examples/test_howto.py::test_every_recipe_with_commands_has_a_test"
IMAGE = "tests/containers/test_server_image.py::test_readme_of_the_image_leads_to_a_server"
KUBECTL = "tests/deploy/test_chart.py::test_secrets_of_the_readme_are_what_the_chart_mounts"
NO_CLUSTER = Held("it asks a cluster of Kubernetes, and none can run here")
PACKAGES = (
    "tests/deploy/test_packages.py::test_packages_are_the_same_twice_and_lintian_finds_nothing"
)
RELEASE = "tests/examples/test_release.py::test_two_builds_give_the_same_bytes"
RULES = "tests/server/operations/test_monitoring.py::test_rules_fire_and_rest_as_their_tests_say"
SIGNED = "tests/containers/test_server_image.py::test_openssl_alone_verifies_the_archive"
TWICE = (
    "tests/containers/test_server_image.py"
    "::test_image_is_the_same_twice_without_secrets_setuid_or_paths_of_its_builder"
)
WORKERS = (
    "tests/server/cli/test_workers.py::test_workers_count_together_and_one_that_dies_is_replaced"
)
UPGRADING = "tests/examples/test_upgrading.py::test_commands_of_the_page_check_install_and_upgrade"
FENCED: dict[str, list[str | Held]] = {
    "docs/HOWTO.md": [HOWTO],
    "docs/UPGRADING.md": [UPGRADING],
    "deploy/compose/README.md": [IMAGE, COMPOSE, COMPOSE, COMPOSE, COMPOSE],
    "deploy/deb/README.md": [PACKAGES, DEBIAN, DEBIAN, DEBIAN],
    "deploy/helm/README.md": [KUBECTL, HELM, NO_CLUSTER, KUBECTL, HELM],
    "deploy/image/README.md": [
        TWICE,
        Held("as for the machine's own architecture; nothing of an image is run to build it"),
        SIGNED,
        ARCHIVE,
        *(IMAGE, IMAGE, IMAGE, IMAGE),
    ],
}
"""Of each page the commands in its blocks, in their order; one entry: of all of them."""
INLINE: dict[str, dict[str, str | Held]] = {
    "docs/HOWTO.md": {
        "export LICENSE_SERVER_DATA=server LICENSE_SERVER_PASSPHRASE_FILE=passphrase": HOWTO,
        "license-server mail fetch": FETCH,
        "license-server export licenses --kind trial -o -": HOWTO,
        "license-server list --help": A_NAME,
        "license-server export licenses": A_NAME,
        "license-server customer change ACME --no-reminders": HOWTO,
        "license-server product change darwin --rehosts 3": HOWTO,
        "license-server why mail.txt": HOWTO,
        "license-server serve --workers 4": WORKERS,
        "scp -rp": Held("it needs a second machine; the recipe copies by cp"),
        "license-server upgrade": UPGRADING,
    },
    "docs/UPGRADING.md": {"make release": RELEASE},
    "deploy/README.md": {
        "pip install 'hostseal[server]'": Held(
            "it asks an index for a release; UPGRADING.md's installs the wheel of this commit"
        ),
        "make torture": A_NAME,
        "license-server check": CHECK,
    },
    "deploy/compose/README.md": {
        "docker compose exec -T server license-server backup --with-keys -o - > hostseal.tar": (
            COMPOSE
        ),
        'docker compose run --rm -T -v "$PWD/hostseal.tar:/tmp/hostseal.tar:ro" init restore '
        "--thorough /tmp/hostseal.tar": COMPOSE,
        "docker compose up --detach": COMPOSE,
    },
    "deploy/deb/README.md": {},
    "deploy/helm/README.md": {
        "kubectl get secret hostseal -o jsonpath='{.data.passphrase}' | base64 -d": NO_CLUSTER,
        "license-server init": A_NAME,
    },
    "deploy/image/README.md": {
        "make image-pins": Held("it asks Debian's mirror for what is newest, and changes the pins"),
        "docker save": A_NAME,
        "license-server root create": A_NAME,
        "docker inspect": A_NAME,
        "docker exec": A_NAME,
        "docker stop": A_NAME,
        "docker exec hostseal license-server backup --with-keys -o - > hostseal.tar": IMAGE,
    },
    "deploy/monitoring/README.md": {
        "export LICENSE_SERVER_METRICS_FROM=192.0.2.9": A_NAME,
        "promtool test rules hostseal.rules.test.yml": RULES,
    },
    "deploy/systemd/README.md": {
        "license-server init": A_NAME,
        "systemctl --failed": DEBIAN,
        "journalctl --unit 'hostseal-task@*'": DEBIAN,
        "systemd-analyze security hostseal-server": DEBIAN,
    },
}


def fenced(page: str) -> list[str]:
    return [line for block in blocks(page) for line in lines(block)]


def rows(page: str) -> dict[str, str | Held]:
    """Each command of a page, and what becomes of it."""
    typed = fenced(page)
    told = FENCED.get(page, [])
    told = told * len(typed) if len(told) == 1 else told
    return dict(zip(typed, told, strict=True)) | INLINE[page]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_in_a_row(page: str) -> None:
    assert set(rows(page)) == {*fenced(page), *inline(page)}


def test_tests_of_the_rows_are_there() -> None:
    named = {how for page in PAGES for how in rows(page).values() if isinstance(how, str)}
    for file, _, name in sorted(one.partition("::") for one in named):
        tree = ast.parse((REPOSITORY / file).read_text("utf-8"))
        assert name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}, file


@pytest.mark.parametrize("page", PAGES)
def test_programs_know_the_commands_of_a_page(page: str) -> None:
    for command in rows(page):
        typed = words(command)
        if typed and typed[0] in knows.PROGRAMS:
            knows.check(typed)


def test_what_no_program_knows_is_found() -> None:
    for wrong in ("license-server issue --hots x", "docker run --red-only hostseal", "make imaeg"):
        with pytest.raises(Exception, match=r"hots|red-only|imaeg"):
            knows.check(words(wrong))
