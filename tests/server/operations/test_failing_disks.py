"""A disk that fails at any write of a command: the cause is named, and nothing is lost.

The C library is put behind a shim (tests/support/shim.c), which lets the n-th write below a folder
fail, and every one after it: as a disk does that is full, broken, or was mounted read-only.
"""

import errno
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from license_core.verify import open_license
from license_server.db.database import Database
from license_server.licenses import issuing
from tests.support import former, quick_keys, server, softhsm
from tests.support.forked import Forks
from tests.support.need import need
from tests.support.problems import exit_code
from tests.support.server import LINE

pytestmark = softhsm.about_key_files
NAMED = {
    errno.EIO: "Input/output error|I/O error",
    errno.ENOSPC: "No space left on device|its disk is full",
    errno.EROFS: "Read-only file system|its file system is read-only",
    errno.EDQUOT: "Disk quota exceeded|disk quota of its user is used up",
    errno.EACCES: "Permission denied",
    errno.EMFILE: "Too many open files|too many files open",
}
"""How a command tells what the system said."""
ERRORS = tuple(NAMED)
CODES = {
    exit_code(slug)
    for slug in ("database-unavailable", "disk-full", "folder-not-writable", "write-failed")
}
ISSUE = ("issue", "--customer", "ACME", "--product", "darwin", "--host", LINE, "--days", "9")


@pytest.fixture(scope="module")
def shimmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """What runs commands behind the shim."""
    folder = tmp_path_factory.mktemp("shim")
    source = Path(__file__).parents[2] / "support" / "shim.c"
    compiler = shutil.which("gcc") or need("a C compiler", "apt-get install gcc")
    shim = str(folder / "shim.so")
    line = [str(compiler), "-shared", "-fPIC", "-O1", "-o", shim, str(source), "-ldl"]
    subprocess.run(line, check=True, timeout=60)
    made = Forks(server.environment(folder) | {"LD_PRELOAD": shim})
    yield made
    made.close()


class Disk(NamedTuple):
    """A folder on which a server is, with what it writes elsewhere for the moment."""

    folder: Path
    shimmed: Forks

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "disk" / "server"

    def run(self, *arguments: str, at: int = 0, error: int = 0) -> tuple[int, str, int]:
        """Exit code and words of a command whose write number *at* fails; how many there were."""
        count, passing = self.folder / "count", self.folder / "passing"
        passing.mkdir(exist_ok=True)
        env = server.environment(self.data) | {
            "FAULT_BELOW": f"{self.folder / 'disk'}:{passing}",
            "FAULT_AT": str(at),
            "FAULT_WITH": str(error),
            "FAULT_COUNT": str(count),
            "TMPDIR": str(passing),
        }
        done = self.shimmed.run(*arguments, env=env, module=quick_keys.__name__)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr, int(count.read_text())

    def writes(self, *arguments: str) -> int:
        """How many writes a command makes that succeeds."""
        code, said, count = self.run(*arguments)
        assert code == 0, said
        return count


def failures(many: bool, count: int) -> Iterator[tuple[int, int]]:
    """Which write fails, and how; each of them if *many*, else some of every part."""
    if many:
        yield from ((at, error) for at in range(1, count + 1) for error in ERRORS[:3])
        yield from ((at, ERRORS[3 + at % 3]) for at in range(1, count + 1))
        return
    places = sorted({1, (1 + count) // 2, count})
    yield from ((at, ERRORS[(number + count) % 6]) for number, at in enumerate(places))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quiet server with two licences."""
    data = server.make(tmp_path_factory.mktemp("source") / "server").data
    for _ in range(2):
        done = server.at_once(*ISSUE, "-o", "-", env=server.environment(data))
        assert done.returncode == 0, done.stderr
    return data


@pytest.fixture
def disk(tmp_path: Path, shimmed: Forks) -> Disk:
    (tmp_path / "disk").mkdir()
    return Disk(tmp_path, shimmed)


def put(folder: Path, data: Path) -> None:
    """Put a copy of *folder* in the place of *data*."""
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(folder, data)


def told(code: int, said: str, error: int) -> bool:
    """Whether it failed, with words that name the *error*."""
    assert code == 0 or (code in CODES and re.search(NAMED[error], said)), (code, said, error)
    return code != 0


both = pytest.mark.parametrize(
    "many", [False, pytest.param(True, marks=pytest.mark.torture)], ids=["some", "every"]
)


@both
def test_backup_on_a_failing_disk_leaves_the_former_file(
    disk: Disk, source: Path, many: bool
) -> None:
    out = disk.folder / "disk" / "backup.tar"
    put(source, disk.data)
    count = disk.writes("backup", "-o", str(out))
    for at, error in failures(many, count):
        put(source, disk.data)
        out.write_bytes(b"the former one")
        code, said, _ = disk.run("backup", "-o", str(out), at=at, error=error)
        if told(code, said, error):
            assert out.read_bytes() == b"the former one"
        else:
            assert disk.run("restore", "--check", str(out))[0] == 0
        assert {path.name for path in out.parent.iterdir()} == {"backup.tar", "server"}
        assert disk.run("fsck")[0] == 0


@both
@pytest.mark.parametrize("command", ["restore", "init"])
def test_new_server_on_a_failing_disk_is_whole_or_not_there(
    disk: Disk, source: Path, command: str, many: bool
) -> None:
    file = disk.folder / "backup.tar"
    done = server.at_once("backup", "-o", str(file), env=server.environment(source))
    assert done.returncode == 0, done.stderr
    line = (command, str(file)) if command == "restore" else (command,)
    for at, error in failures(many, disk.writes(*line)):
        shutil.rmtree(disk.data, ignore_errors=True)
        code, said, _ = disk.run(*line, at=at, error=error)
        if told(code, said, error):
            assert list(disk.data.parent.iterdir()) == []
        else:
            assert disk.run("fsck")[0] == 0


@both
def test_upgrade_on_a_failing_disk_loses_no_licence_and_can_be_repeated(
    disk: Disk, many: bool
) -> None:
    old, was = former.make(disk.folder / "former")
    roots = server.roots(old.data)
    put(old.data, disk.data)
    count = disk.writes("upgrade")
    # Between the halves of a new key, too.
    for at, error in (*failures(many, count), (6, errno.ENOSPC)):
        put(old.data, disk.data)
        code, said, _ = disk.run("upgrade", at=at, error=error)
        told(code, said, error)
        code, said, _ = disk.run("upgrade")
        assert code == 0, said
        for check in ("fsck", "audit checkpoint -o /dev/null"):
            code, said, _ = disk.run(*check.split())
            assert code == 0, said
        database = Database(server.settings(disk.data).database_url)
        with database.reading() as connection:
            for number, file in was.files.items():
                kept = issuing.file_of(issuing.find(connection, number))
                assert kept == file
                assert open_license(kept, roots=roots).license.jti == number
        database.close()


@both
def test_fsck_on_a_failing_disk_names_the_disk_and_never_the_ledger(
    disk: Disk, source: Path, many: bool
) -> None:
    put(source, disk.data)
    for at, error in failures(many, disk.writes("fsck")):
        put(source, disk.data)
        told(*disk.run("fsck", at=at, error=error)[:2], error)
        assert disk.run("fsck")[0] == 0


@both
def test_licence_acknowledged_on_a_failing_disk_is_stored(
    disk: Disk, source: Path, many: bool
) -> None:
    put(source, disk.data)
    for at, error in failures(many, disk.writes(*ISSUE, "-o", "-")):
        put(source, disk.data)
        code, said, _ = disk.run(*ISSUE, "-o", "-", at=at, error=error)
        number = re.search(r"HS-\d{4}-\w{8}", said)
        if number is None:
            assert told(code, said, error)
        else:
            assert code in (0, exit_code("license-not-written"))
            env = server.environment(disk.data)
            done = server.at_once("file", number[0], "-o", "-", env=env)
            assert done.stdout.startswith(f"Licence {number[0]}")
        assert disk.run("fsck")[0] == 0
