"""Two servers with the same keys and different ledgers: what is noticed of that (ADR 47)."""

import re
import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from license_server.app import create_app
from license_server.operations import data_folder, ledger_identity
from license_server.operations.errors import DataFolderOpenError, LedgerSupersededError
from license_server.settings import ServerSettings
from tests.support import server, softhsm
from tests.support.shell import run

pytestmark = softhsm.about_key_files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    """A server that has been started once."""
    made = server.make(tmp_path_factory.mktemp("ledger") / "server")
    serve(made)
    return made


def serve(settings: ServerSettings) -> str:
    """Start it, and what it says of its ledger."""
    with TestClient(create_app(settings), client=("127.0.0.1", 1)) as client:
        told = re.search(r"hostseal_ledger_info\{(.+)\} 1\.0", client.get("/metrics").text)
    assert told is not None
    return told[1]


def copied(made: ServerSettings, to: Path) -> ServerSettings:
    shutil.copytree(made.data, to)
    return server.settings(to)


def restored(made: ServerSettings, to: Path) -> ServerSettings:
    file = to.with_name(f"{to.name}.tar")
    assert run(made.data, "backup", "--with-keys", "-o", str(file)).returncode == 0
    done = run(to, "restore", str(file), LICENSE_SERVER_DATA=str(to))
    assert done.returncode == 0, done.stderr
    assert "Stop every server of the former database" in done.stdout
    return server.settings(to)


@pytest.fixture(scope="module")
def after(made: ServerSettings, tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    """A server that was restored from a backup of that one, and was never started."""
    return restored(made, tmp_path_factory.mktemp("after") / "server")


def names(settings: ServerSettings) -> list[str]:
    database = data_folder.open_database(settings)
    try:
        return database.read(ledger_identity.lineage)
    finally:
        database.close()


def test_restored_ledger_knows_the_one_that_it_came_from(
    made: ServerSettings, after: ServerSettings, tmp_path: Path
) -> None:
    second = restored(after, tmp_path / "second")
    assert len({*names(made), *names(after), *names(second)}) == 3
    assert names(after)[1:] == names(made)
    assert names(second)[1:] == names(after)


def test_former_database_is_refused_in_the_folder_of_the_restored_one(
    made: ServerSettings, after: ServerSettings, tmp_path: Path
) -> None:
    present = copied(after, tmp_path / "present")
    serve(present)
    shutil.copy(present.database_file, tmp_path / "kept.db")
    present.database_file.unlink()
    shutil.copy(made.database_file, present.database_file)
    with pytest.raises(LedgerSupersededError) as caught:
        create_app(present)
    assert f"rm {present.ledger_file}" in caught.value.remedy()
    issue = ("issue", "--customer", "A", "--product", "b", "--days", "1", "-o", "-")
    done = run(present.data, *issue, "--host", server.LINE)
    assert (done.returncode, done.stdout) == (LedgerSupersededError.row.exit_code, "")
    shutil.copy(tmp_path / "kept.db", present.database_file)
    serve(present)


def test_folder_goes_on_to_the_ledger_that_came_from_its_own(
    made: ServerSettings, after: ServerSettings, tmp_path: Path
) -> None:
    folder = copied(made, tmp_path / "server")
    shutil.copy(after.database_file, folder.database_file)
    serve(folder)
    assert folder.ledger_file.read_text().strip() == names(after)[0]
    shutil.copy(made.database_file, folder.database_file)
    with pytest.raises(LedgerSupersededError):
        create_app(folder)
    folder.ledger_file.unlink()  # as the remedy says
    serve(folder)


def test_database_of_another_vendor_is_refused(made: ServerSettings, tmp_path: Path) -> None:
    folder = copied(made, tmp_path / "server")
    folder.ledger_file.write_text("another ledger\n")
    with pytest.raises(LedgerSupersededError):
        create_app(folder)


def test_metrics_tell_two_databases_with_the_same_keys(
    made: ServerSettings, after: ServerSettings, tmp_path: Path
) -> None:
    def parts(told: str) -> dict[str, str]:
        return dict(re.findall(r'(\w+)="([^"]+)"', told))

    same, copy = parts(serve(made)), parts(serve(copied(made, tmp_path / "copy")))
    later = parts(serve(copied(after, tmp_path / "later")))
    assert parts(serve(made)) == same
    assert same["server"] == copy["server"] == later["server"]
    assert len({same["ledger"], copy["ledger"], later["ledger"]}) == 3


def test_ledger_of_a_former_version_has_a_name_that_lasts(
    made: ServerSettings, tmp_path: Path
) -> None:
    former = copied(made, tmp_path / "former")
    database = data_folder.open_database(former)
    try:
        database.write(
            lambda c: c.exec_driver_sql("update audit_events set details = '{}' where id = 1")
        )
        one, two = (database.read(ledger_identity.lineage) for _ in range(2))
    finally:
        database.close()
    assert one == two
    assert one[0] not in names(made)


def test_open_data_folder_is_closed_as_the_server_starts(
    made: ServerSettings, tmp_path: Path
) -> None:
    folder = copied(made, tmp_path / "server")
    folder.data.chmod(0o755)
    serve(folder)
    assert folder.data.stat().st_mode & 0o777 == 0o700


def test_data_folder_that_stays_open_is_refused(
    made: ServerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(made, tmp_path / "server")
    folder.data.chmod(0o755)
    # As on a file system that knows no rights.
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with pytest.raises(DataFolderOpenError) as caught:
        create_app(folder)
    assert f"chmod 700 {folder.data}" in caught.value.remedy()
