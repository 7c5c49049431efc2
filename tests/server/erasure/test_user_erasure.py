"""A colleague who left is erased: what was done stays done, and nothing tells by whom."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from license_core.errors import NotPermittedError
from license_server.access import access_store, accounts, standing
from license_server.access.errors import LastAdministratorError
from license_server.actor import COMMAND, Actor
from license_server.audit import audit_store, chain
from license_server.audit.verify import Fault
from license_server.db.errors import InputInvalidError
from license_server.erasure import place, user_erasure
from license_server.erasure.place import PATIENCE, START, batch
from license_server.licenses import proposals
from license_server.licenses.errors import ProposalDecidedError
from license_server.operations import backup
from license_server.permissions import PERMISSIONS
from tests.support import canary_user, searched, server
from tests.support.canary_user import BOSS, EMAIL, WORDS
from tests.support.ledger import NOW, Ledger, new_ledger
from tests.support.postgres import new_database

ERASER = Actor("user:admin@example.com", frozenset(PERMISSIONS), address="192.0.2.9")


class Erased(NamedTuple):
    """A vendor who erased her, and what was known before."""

    ledger: Ledger
    id: int
    checkpoint: str
    before: bytes
    """Every value of every table."""
    exported: bytes
    """The audit log."""
    faults: list[Fault]
    folder: Path


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def erased(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Erased]:
    folder = tmp_path_factory.mktemp("erased")
    ledger = new_ledger(folder, None if request.param == "sqlite" else new_database())
    id_ = canary_user.plant(ledger)
    kept, faults = ledger.checkpoint(), ledger.faults()
    with ledger.site.database.reading() as connection:
        before = searched.rows(connection)
        exported = b"".join(map(chain.exported, audit_store.whole_chain(connection)))
    erase(ledger, id_)
    ledger.link()
    yield Erased(ledger, id_, kept, before, exported, faults, folder)
    ledger.site.database.close()


def erase(ledger: Ledger, id_: int) -> None:
    write = ledger.site.database.write
    write(lambda c: user_erasure.begin(c, id_, ERASER, NOW, "has left"))
    place.erase(write, user_erasure.go_on, id_, ERASER, NOW)
    ledger.site.database.scrub()


def test_all_of_her_was_there_before(erased: Erased) -> None:
    assert searched.found_in(erased.before, WORDS) == set(WORDS)
    assert erased.faults == []


def test_no_row_has_a_word_of_her(erased: Erased) -> None:
    with erased.ledger.site.database.reading() as connection:
        assert searched.places(connection, WORDS) == {}


def test_the_record_is_whole_against_a_checkpoint_from_before(erased: Erased) -> None:
    assert erased.ledger.faults(erased.checkpoint) == []


def test_files_of_the_database_have_no_byte_of_her(erased: Erased) -> None:
    for path in (path for path in erased.ledger.settings.data.rglob("*") if path.is_file()):
        assert searched.found_in(path.read_bytes(), WORDS) == set(), path.name


def test_a_backup_made_afterwards_has_nothing_of_her(erased: Erased) -> None:
    parts: list[bytes] = []
    with erased.ledger.site.database.snapshot() as connection:
        backup.write(connection, {}, parts.append, NOW, lambda _: None)
    assert searched.found_in(b"".join(parts), WORDS) == set()


def test_what_was_done_stays_under_a_number(erased: Erased) -> None:
    name = accounts.erased_name(erased.id)
    with erased.ledger.site.database.reading() as connection:
        wanted = audit_store.EventFilter(actor=f"user:{name}")
        told = {one.action for one in audit_store.events(connection, wanted, before=None, limit=99)}
        (token,) = standing.tokens_of(connection, name, NOW)
    assert {"license.issued", "proposal.refused", "session.opened", "token.created"} <= told
    assert token.state(NOW) == standing.ENDED
    env = server.environment(erased.ledger.settings.data, erased.ledger.settings.database)
    listed = server.at_once("list", "--columns", "issued_by", "--csv", env=env)
    assert name in listed.stdout


def test_proposals_that_she_decided_name_nobody(erased: Erased) -> None:
    with (
        erased.ledger.site.database.reading() as connection,
        pytest.raises(ProposalDecidedError) as told,
    ):
        proposals.refuse(connection, 2, BOSS, None, NOW)
    assert told.value.sentence == f"Proposal 2 was refused by {accounts.erased_name(erased.id)}."


def test_seals_of_what_is_gone_are_those_of_an_export_from_before(erased: Erased) -> None:
    record = erased.folder / "record.jsonl"
    record.write_bytes(erased.exported)
    env = server.environment(erased.ledger.settings.data, erased.ledger.settings.database)
    done = server.at_once("audit", "erased", "--against", str(record), env=env)
    told = [line.split("\t") for line in done.stdout.splitlines()]
    assert {one[-1] for one in told if not one[2].startswith("user.")} <= {"bound", "unknown"}
    assert {"actor", "address", "subject", "reason", "details/proposed"} <= {
        one[3] for one in told if one[-1] == "bound"
    }
    assert searched.found_in(done.stdout.encode(), WORDS) == set()


def test_erased_user_is_not_let_in_again_and_is_erased_once(erased: Erased) -> None:
    write = erased.ledger.site.database.write
    user = erased.ledger.site.database.read(lambda c: accounts.by_id(c, erased.id))
    with pytest.raises(InputInvalidError, match="erased"):
        write(lambda c: accounts.reopen(c, user, COMMAND, NOW))
    again = write(lambda c: user_erasure.begin(c, erased.id, ERASER, NOW, "again"))
    assert again == user
    with erased.ledger.site.database.reading() as connection:
        (event,) = user_erasure.begun(connection)
    assert (event.reason, event.subject) == ("has left", user.email)


def test_user_is_named_by_the_number_that_a_list_of_the_erased_has(erased: Erased) -> None:
    env = server.environment(erased.ledger.settings.data, erased.ledger.settings.database)
    listed = server.at_once("user", "erased", env=env)
    name = listed.stdout.partition("\t")[0]
    for typed in (f"#{erased.id}", name, accounts.erased_name(erased.id)):
        done = server.at_once("user", "erase", typed, "--preview", env=env)
        assert done.returncode == 0, done.stderr
    unknown = server.at_once("user", "erase", "#999", "--preview", env=env)
    assert (unknown.returncode, "user #999" in unknown.stderr) == (77, True)
    silent = server.at_once("user", "erase", name, env=env)
    assert (silent.returncode, "user erase --help" in silent.stderr) == (2, True)


def test_erasure_of_a_user_is_finished_by_a_server(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, None)
    id_ = canary_user.plant(ledger)
    write, read = ledger.site.database.write, ledger.site.database.read
    write(lambda c: user_erasure.begin(c, id_, ERASER, NOW, "has left"))
    write(batch(user_erasure.go_on, id_, ERASER, NOW, START))
    assert read(lambda c: user_erasure.unfinished(c, NOW + PATIENCE)) == []
    assert read(lambda c: user_erasure.unfinished(c, NOW + PATIENCE + 1)) == [id_]
    place.erase(write, user_erasure.go_on, id_, COMMAND, NOW)
    assert read(lambda c: user_erasure.unfinished(c, NOW + PATIENCE + 1)) == []
    assert ledger.faults() == []
    ledger.site.database.close()


def test_nobody_erases_themselves_or_the_last_administrator(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, None)
    write, read = ledger.site.database.write, ledger.site.database.read
    (last,) = read(access_store.list_users)
    own = ERASER._replace(name=f"user:{last.email}")
    with pytest.raises(NotPermittedError):
        write(lambda c: user_erasure.begin(c, last.id, own, NOW, "gone"))
    with pytest.raises(LastAdministratorError):
        write(lambda c: user_erasure.begin(c, last.id, COMMAND, NOW, "gone"))
    ledger.site.database.close()


def test_longer_address_that_has_hers_in_it_stays(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, None)
    id_ = canary_user.plant(ledger)
    other = f"not.{EMAIL}"
    asked = ledger.file(30, customer="Other", product="darwin", sender_address=other)
    erase(ledger, id_)
    with ledger.site.database.reading() as connection:
        assert searched.places(connection, [other]).keys() >= {"requests.sender_address"}
    assert asked
    ledger.site.database.close()
