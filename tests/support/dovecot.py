"""A real Dovecot for tests: on loopback, with a configuration and a mailbox of its own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support import ports
from tests.support.imap import PASSWORD, USER
from tests.support.need import need
from tests.support.waiting import LONG, until

_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mailbox
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
first_valid_gid = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
"""


class Dovecot(NamedTuple):
    """One that runs."""

    port: int
    mailbox: Path
    """A maildir."""
    log: Path

    def put(self, *contents: bytes) -> None:
        """Let mails come in."""
        there = len(list(self.mailbox.glob("*/*")))
        for number, content in enumerate(contents, there):
            name = f"{time.time_ns()}.{number}.mail"
            path = self.mailbox / "tmp" / name
            path.write_bytes(content.replace(b"\r\n", b"\n"))
            os.chown(path, *_owner())
            path.rename(self.mailbox / "new" / name)

    def files(self) -> list[Path]:
        """The files of the mails, by name: its flags are in it."""
        return sorted([*self.mailbox.glob("new/*"), *self.mailbox.glob("cur/*")])


def _owner() -> tuple[int, int]:
    import pwd

    found = pwd.getpwnam("nobody")
    return found.pw_uid, found.pw_gid


@contextmanager
def running() -> Iterator[Dovecot]:
    """A Dovecot with a folder of its own: in that of pytest, another run would lock it out."""
    with tempfile.TemporaryDirectory(prefix="hostseal-dovecot-") as name, _in(Path(name)) as made:
        yield made


@contextmanager
def _in(folder: Path) -> Iterator[Dovecot]:
    program = shutil.which("dovecot", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None or os.geteuid() != 0:
        need("Dovecot", "apt-get install dovecot-imapd, and run the tests as root")
    assert program is not None
    import grp
    import pwd

    uid, gid = _owner()
    port = ports.free()
    for name in ("run", "state", "home", "mailbox/new", "mailbox/cur", "mailbox/tmp"):
        (folder / name).mkdir(parents=True)
    for name in ("home", "mailbox", "mailbox/new", "mailbox/cur", "mailbox/tmp"):
        os.chown(folder / name, uid, gid)
    folder.chmod(0o711)  # its processes go through
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", "utf-8")
    (folder / "users").chmod(0o644)
    values = {"folder": folder, "port": port, "uid": uid, "gid": gid}
    named = {"user": pwd.getpwuid(uid).pw_name, "group": grp.getgrgid(gid).gr_name}
    (folder / "dovecot.conf").write_text(_CONFIG.format(**values, **named), "utf-8")
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [program, "-F", "-c", str(folder / "dovecot.conf")], stdout=out, stderr=out
        )
    try:
        _await(port, process, folder)
        yield Dovecot(port, folder / "mailbox", folder / "dovecot.log")
    finally:
        process.terminate()
        try:
            process.wait(LONG)
        except subprocess.TimeoutExpired:  # on a machine that has much to do
            process.kill()
            process.wait()


def _await(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until it answers on this port."""

    def answers() -> bool:
        assert process.poll() is None, _told(folder)
        return ports.listens(port)

    until(answers, lambda: _told(folder))


def _told(folder: Path) -> str:
    logs = (folder / "out", folder / "dovecot.log")
    return "".join(one.read_text("utf-8", "replace")[-4000:] for one in logs if one.exists())
