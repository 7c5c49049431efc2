"""A real Postfix for tests: on loopback, with a configuration, a queue and a mailbox of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support import ports
from tests.support.need import need
from tests.support.waiting import until

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.customer.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, permit_mynetworks, reject
virtual_mailbox_domains = customer.example vendor.example
virtual_mailbox_base = /
virtual_mailbox_maps = inline:{{ li@customer.example={li}/, support@vendor.example={support}/ }}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
alias_maps =
biff = no
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(NamedTuple):
    """One that runs."""

    port: int
    mailbox: Path
    """Where the mails of li@customer.example come."""
    log: Path

    def received(self, count: int) -> list[bytes]:
        """The mails that came, once there are so many."""
        until(lambda: len(list(self.mailbox.glob("new/*"))) >= count, lambda: _tail(self.log))
        return [path.read_bytes() for path in sorted(self.mailbox.glob("new/*"))]


@contextmanager
def running(support: Path | None = None, owner: str = "postfix") -> Iterator[Postfix]:
    """A Postfix with a folder of its own: in that of pytest, another run would lock it out.

    *support*: the maildir of support@vendor.example, which is *owner*'s, as all mailboxes are.
    """
    with (
        tempfile.TemporaryDirectory(prefix="hostseal-postfix-") as name,
        _in(Path(name), support, owner) as made,
    ):
        yield made


@contextmanager
def _in(folder: Path, support: Path | None, owner: str) -> Iterator[Postfix]:
    program = shutil.which("postfix", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None or os.geteuid() != 0:
        need("Postfix", "apt-get install postfix, and run the tests as root")
    assert program is not None
    import pwd

    postfix, of = pwd.getpwnam("postfix"), pwd.getpwnam(owner)
    port = ports.free()
    mailboxes = folder / "mailboxes"
    values = {"folder": folder, "port": port, "uid": of.pw_uid, "gid": of.pw_gid}
    values |= {
        "li": str(mailboxes / "li")[1:],
        "support": str(support or mailboxes / "support")[1:],
    }
    for name in ("conf", "queue", "data", "mailboxes"):
        (folder / name).mkdir()
    os.chown(folder / "data", postfix.pw_uid, postfix.pw_gid)
    os.chown(mailboxes, of.pw_uid, of.pw_gid)
    folder.chmod(0o711)  # its processes go through
    (folder / "conf" / "main.cf").write_text(_MAIN.format(**values), "utf-8")
    (folder / "conf" / "master.cf").write_text(_MASTER.format(**values), "utf-8")
    command = [program, "-c", str(folder / "conf")]
    done = subprocess.run([*command, "start"], capture_output=True, text=True, timeout=120)
    try:
        until(
            lambda: ports.listens(port),
            lambda: f"{done.stdout}{done.stderr}{_tail(folder / 'mail.log')}",
        )
        yield Postfix(port, folder / "mailboxes" / "li", folder / "mail.log")
    finally:
        try:
            subprocess.run([*command, "stop"], capture_output=True, timeout=60)
        except subprocess.TimeoutExpired:  # on a machine that has much to do
            subprocess.run([*command, "abort"], capture_output=True, timeout=60)


def _tail(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-4000:] if log.exists() else ""
