"""``passphrase change``: at each instant the former or the new passphrase opens all keys."""

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

from license_server.access.totp_seeds import Seeds
from license_server.operations import data_folder
from license_server.settings import ServerSettings
from license_server.signing.errors import PassphraseWrongError
from license_server.signing.passphrase import sealed_files
from license_server.signing.signers import pkcs8
from tests.support import cut_off, failing_call, forked, server, softhsm
from tests.support.server import LINE, PASSPHRASE
from tests.support.shell import run

pytestmark = softhsm.about_key_files
NEW = "another passphrase of this test"
FORMER = PASSPHRASE
ISSUE = ("issue", "--customer", "ACME", "--product", "darwin", "--days", "9", "-o", "-", "--host")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    """A server that is copied, and left as it is."""
    return server.make(tmp_path_factory.mktemp("passphrase") / "server")


@pytest.fixture
def settings(made: ServerSettings, tmp_path: Path) -> ServerSettings:
    data = tmp_path / "server"
    shutil.copytree(made.data, data)
    (tmp_path / "new").write_text(f"{NEW}\n")
    (tmp_path / "new").chmod(0o600)
    return server.settings(data)


def keys(settings: ServerSettings) -> list[Path]:
    found = sealed_files(settings)
    assert [one.name for one in found] == [
        f"{name}.key.pem" for name in ("record", "root", "seeds", "signing")
    ]
    return found


def opened_by(path: Path, passphrase: str) -> bytes | None:
    """The private key in *path*, if this passphrase opens it."""
    try:
        key = pkcs8.decrypt(path.read_bytes(), passphrase.encode(), path.name)
    except PassphraseWrongError:
        return None
    return key.private_bytes_raw()


def change(settings: ServerSettings, **env: str) -> tuple[int, str, str]:
    new = str(settings.data.parent / "new")
    done = run(settings.data, "passphrase", "change", "--new-file", new, **env)
    assert NEW not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def killed(settings: ServerSettings, at: int) -> int:
    """The exit code of a change that is killed before the *at*-th file gets its name."""
    new = str(settings.data.parent / "new")
    env = server.environment(settings.data) | {cut_off.AT: str(at)}
    arguments = ("passphrase", "change", "--new-file", new)
    done = forked.shared().run(*arguments, env=env, module=cut_off.__name__)
    assert done.returncode in (0, cut_off.KILLED), done.stderr
    return done.returncode


def test_new_passphrase_opens_every_key_and_the_former_none(settings: ServerSettings) -> None:
    before = {one: opened_by(one, FORMER) for one in keys(settings)}
    code, said, err = change(settings)
    assert code == 0, err
    for path in keys(settings):
        assert opened_by(path, FORMER) is None
        assert opened_by(path, NEW) == before[path]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes().count(b"BEGIN") == 1
    assert len(list((settings.data / "keys").iterdir())) == len(before)
    assert "still open with the former one" in said
    assert run(settings.data, *ISSUE, LINE).returncode != 0
    env = {"LICENSE_SERVER_PASSPHRASE": NEW}
    assert run(settings.data, *ISSUE, LINE, **env).returncode == 0
    listed = run(settings.data, "audit", "list", "--action", "server.passphrase-changed")
    assert "server.passphrase-changed" in listed.stdout


def test_seeds_and_webhook_secrets_open_as_before(settings: ServerSettings) -> None:
    """What the passphrase seals by way of the key of seeds stays sealed by that key."""
    sealed = data_folder.open_seeds(settings).seal(1, b"a seed", os.urandom)
    assert change(settings)[0] == 0
    key = pkcs8.decrypt(settings.seeds_key.read_bytes(), NEW.encode(), "seeds")
    assert Seeds(key).open(1, sealed) == b"a seed"


def test_killed_change_leaves_one_of_the_two_passphrases_whole(settings: ServerSettings) -> None:
    before = {one: opened_by(one, FORMER) for one in keys(settings)}
    former = Path(shutil.copytree(settings.data / "keys", settings.data.parent / "former"))
    whole: list[str] = []
    count = len(before)
    for at in (1, count, count + 1, count + 2, 2 * count):
        assert killed(settings, at) == cut_off.KILLED
        found = [
            word
            for word in (FORMER, NEW)
            if all(opened_by(one, word) == before[one] for one in keys(settings))
        ]
        assert found, at
        whole.append(found[0])
        # What it left is finished by the same command, whichever passphrase counts by now.
        assert change(settings)[0] == 0
        assert all(opened_by(one, FORMER) is None for one in keys(settings))
        assert all(opened_by(one, NEW) == before[one] for one in keys(settings))
        assert len(list((settings.data / "keys").iterdir())) == len(before)
        shutil.rmtree(settings.data / "keys")
        shutil.copytree(former, settings.data / "keys")
    assert killed(settings, 2 * count + 1) == 0
    assert whole == [FORMER] * 3 + [NEW] * 2


@pytest.mark.parametrize("edge", ["os.open", "os.fsync", "os.chown"])
def test_disk_that_fails_leaves_every_key_as_it_was(settings: ServerSettings, edge: str) -> None:
    before = {one: one.read_bytes() for one in keys(settings)}
    folder = str(settings.data / "keys")
    for path in before:
        os.chown(path, os.getuid() + (edge == "os.chown" and os.getuid() == 0), -1)
    for at in (1, 5, 8):
        with failing_call.failing(edge, at, errno.ENOSPC, folder) as failed:
            code, _, err = change(settings)
        if edge == "os.chown" and os.getuid() != 0:
            return  # nobody else can own them
        assert failed
        assert code != 0, edge
        assert "No space left" in err
        assert {one: one.read_bytes() for one in keys(settings)} == before
        assert len(list((settings.data / "keys").iterdir())) == len(before)


def test_key_under_a_third_passphrase_changes_nothing(settings: ServerSettings) -> None:
    other = pkcs8.decrypt(settings.root_key.read_bytes(), FORMER.encode(), "root")
    settings.root_key.write_bytes(pkcs8.encrypt(other, b"a third passphrase", *2 * [bytes(16)]))
    before = {one: one.read_bytes() for one in keys(settings)}
    code, _, err = change(settings)
    assert code != 0
    assert "root.key.pem" in err
    assert {one: one.read_bytes() for one in keys(settings)} == before


@pytest.mark.parametrize(
    ("new", "told"), [("short", "5 bytes"), (FORMER, "present one"), ("", "0")]
)
def test_passphrase_that_may_not_be_is_refused(
    settings: ServerSettings, new: str, told: str
) -> None:
    (settings.data.parent / "new").write_text(f"{new}\n")
    done = run(
        settings.data, "passphrase", "change", "--new-file", str(settings.data.parent / "new")
    )
    assert done.returncode != 0
    assert told in done.stderr
    assert all(opened_by(one, FORMER) for one in keys(settings))


def test_key_of_another_user_stays_theirs(settings: ServerSettings) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away: run the tests as root")
    os.chown(settings.signing_key, 12345, 12345)
    assert change(settings)[0] == 0
    owner = settings.signing_key.stat()
    assert (owner.st_uid, owner.st_gid) == (12345, 12345)


def test_signing_key_elsewhere_is_changed_too(settings: ServerSettings) -> None:
    elsewhere = settings.data.parent / "elsewhere.pem"
    settings.signing_key.rename(elsewhere)
    assert change(settings, LICENSE_SERVER_SIGNER=f"file:{elsewhere}")[0] == 0
    assert opened_by(elsewhere, NEW)
    assert opened_by(elsewhere, FORMER) is None
