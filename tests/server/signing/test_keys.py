"""Signing keys and root keys through the commands: rotation, drafts, thresholds."""

import asyncio
import json
import os
import re
import stat
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from license_core import armor
from license_core.errors import KeysetUntrustedError
from license_core.keyset import Keyset, SigningKey
from license_core.publickey import PublicKey
from license_core.roots import Roots
from license_core.signer import MemorySigner
from license_core.verify import Verified, open_license
from license_server.app import create_app
from license_server.background.keysets import Succession
from license_server.operations import data_folder
from license_server.signing import keysets, root_signing
from license_server.signing.errors import KeysetRefusedError
from license_server.signing.issuer import Issuer
from tests.support import server, softhsm
from tests.support.server import LINE, PASSPHRASE
from tests.support.waiting import until

pytestmark = softhsm.about_key_files

DAY = 86400
ORDER = {"customer": "ACME", "product": "darwin", "host": LINE, "days": 30}


class Vendor(NamedTuple):
    """A server, and beside it the folder of a machine that holds root keys."""

    data: Path
    room: Path

    def run(
        self, *arguments: str, code: int = 0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        env = server.environment(self.data) | (env or {})
        done = server.at_once(*arguments, env=env)
        assert done.returncode == code, done.stderr
        return done

    def root(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command where no server is."""
        env = {"LICENSE_SERVER_PASSPHRASE": PASSPHRASE, "LICENSE_SERVER_DATA": "/nowhere"}
        done = server.at_once("root", *arguments, env=env)
        assert done.returncode == code, done.stderr
        return done

    def path(self, name: str) -> str:
        return str(self.room / name)

    def kids(self) -> list[str]:
        """The keys of the keyset in force."""
        return re.findall(r"^(\S{43})  \w+", self.run("keys", "list").stdout, re.MULTILINE)

    def take_root_away(self) -> str:
        """Move the server's root key to the room; its file."""
        (self.data / "keys" / "root.key.pem").rename(self.room / "root.key.pem")
        return self.path("root.key.pem")

    def sign(self, draft: str, key: str, output: str) -> str:
        self.root("keyset", draft, "--key", key, "--yes", "-o", self.path(output))
        return self.path(output)

    def issue(self) -> bytes:
        words = [f"--{name}" for name in ORDER]
        given = [
            word for pair in zip(words, map(str, ORDER.values()), strict=True) for word in pair
        ]
        return self.run("issue", *given, "-o", "-").stdout.encode()

    def opened(self, file: bytes, *more: Path, needed: int = 1) -> Verified:
        """The licence, as a product verifies it that ships the root key of this server."""
        paths = (self.data / "root.pub.pem", *more)
        roots = tuple(PublicKey.from_pem(path.read_text()) for path in paths)
        return open_license(file, roots=roots, needed=needed)


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    room = tmp_path / "room"
    room.mkdir()
    return Vendor(server.make(tmp_path / "server").data, room)


def test_root_key_is_created_private_and_never_overwritten(vendor: Vendor) -> None:
    file = vendor.room / "a.key.pem"
    made = vendor.root("create", str(file)).stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "ENCRYPTED PRIVATE KEY" in file.read_text()
    public = PublicKey.from_pem((vendor.room / "a.pub.pem").read_text())
    assert made.startswith(f"Created the root key {public.kid}.")
    assert public.kid not in vendor.root("create", vendor.path("b.key.pem")).stdout
    before = file.read_bytes()
    refused = vendor.root("create", str(file), code=76)
    assert "already exists" in refused.stderr
    assert file.read_bytes() == before
    env = {"LICENSE_SERVER_PASSPHRASE": "short"}
    short = server.at_once("root", "create", vendor.path("c.key.pem"), env=env)
    assert (short.returncode, (vendor.room / "c.key.pem").exists()) == (76, False)


def test_signing_key_rotation_keeps_all_licences_valid(vendor: Vendor) -> None:
    before, (old,) = vendor.issue(), vendor.kids()
    assert f"{old}  active  (this server's)" in vendor.run("keys", "list").stdout
    elsewhere = {"LICENSE_SERVER_SIGNER": f"file:{vendor.path('other.pem')}"}  # who knows which
    assert "(this server's)" not in vendor.run("keys", "list", env=elsewhere).stdout
    made = vendor.run("keys", "new")  # the root key is here: it is signed at once
    assert "Keyset version 2 is in force" in made.stderr
    (_, new) = vendor.kids()
    during = vendor.issue()
    assert vendor.opened(during).signing_key.kid == new
    listed = vendor.run("keys", "list").stdout
    assert f"{new}  active  (this server's)" in listed
    assert f"{old}  active\n" in listed
    vendor.run("keys", "retire", old)
    after = vendor.opened(vendor.issue())
    assert after.signing_key.kid == new
    states = {one.key.kid: one.state for one in after.trust.keyset.keyset.keys}
    assert states == {old: "retired", new: "active"}
    known = vendor.run("keys", "file", "-o", "-").stdout.encode()
    roots = server.roots(vendor.data)
    for file in (before, during):
        verified = open_license(file, roots=roots, known=known)
        assert verified.trust.keyset.keyset.version == 3
        entry = verified.trust.keyset.entry(verified.signing_key)
        assert entry.state in ("active", "retired")


def test_keyset_draft_is_signed_elsewhere_and_installed(vendor: Vendor) -> None:
    (old,), key = vendor.kids(), vendor.take_root_away()
    refused = vendor.run("keys", "retire", old, code=76)
    assert "no root key here can sign alone" in refused.stderr
    draft = vendor.path("draft.txt")
    drafted = vendor.run("keys", "new", "-o", draft)
    vendor.run("keys", "retire", old, "-o", draft)  # the same draft is changed further
    assert "not in force yet" in drafted.stderr
    assert vendor.kids() == [old]
    told = vendor.root("keyset", draft, "--key", key, "--yes", "-o", vendor.path("k.txt")).stderr
    assert re.search(rf"{old}  retired\n", told)
    assert "Keyset version 2 of Example Vendor" in told
    assert "the file now has 1 signature" in told
    assert "an unsigned draft" in vendor.run("keys", "install", draft, code=117).stderr
    vendor.run("keys", "install", vendor.path("k.txt"))
    assert len(vendor.kids()) == 2
    again = vendor.run("keys", "install", vendor.path("k.txt"), code=117)
    assert "it is version 2, and version 2 is in force" in again.stderr
    assert vendor.opened(vendor.issue()).signing_key.kid != old
    # A draft that is in force by now is done with.
    assert "was replaced" in vendor.run("keys", "new", "-o", draft).stderr
    told = vendor.root("keyset", draft, "--key", key, "--yes", "-o", vendor.path("k.txt")).stderr
    assert "Keyset version 3 of Example Vendor" in told


def test_keyset_without_a_trusted_signature_is_rejected(vendor: Vendor) -> None:
    draft = vendor.path("draft.txt")
    vendor.run("keys", "renew", "-o", draft)
    vendor.root("create", vendor.path("other.key.pem"))
    signed = vendor.sign(draft, vendor.path("other.key.pem"), "k.txt")
    refused = vendor.run("keys", "install", signed, code=117)
    assert "not signed by a trusted root key" in refused.stderr
    text = Path(signed).read_text()
    for damaged in (text[:200], text.replace("-----END", "-----"), "", text.replace("e", "f")):
        Path(signed).write_text(damaged)
        vendor.run("keys", "install", signed, code=117)
    vendor.run("keys", "install", vendor.path("none.txt"), code=11)
    assert len(vendor.kids()) == 1


def test_keyset_that_would_stop_the_server_is_rejected(vendor: Vendor) -> None:
    (old,), key = vendor.kids(), vendor.take_root_away()
    # A draft of an earlier day knows nothing of the key that came meanwhile.
    early, late = vendor.path("early.txt"), vendor.path("late.txt")
    vendor.run("keys", "retire", old, "-o", early)
    refused = vendor.run("keys", "install", vendor.sign(early, key, "e.txt"), code=117)
    assert "this server could no longer sign: the key is" in refused.stderr
    vendor.run("keys", "new", "-o", late)
    vendor.run("keys", "install", vendor.sign(late, key, "l.txt"))
    file = Path(late)
    vendor.run("keys", "renew", "-o", vendor.path("third.txt"))
    payload = Path(vendor.path("third.txt"))
    from license_core import strictjson

    (token,) = armor.unwrap(payload.read_bytes())[keysets.DRAFT]
    keyset = Keyset.from_dict(strictjson.loads(keysets.read_draft(token)))
    file.write_text(keysets.draft_text(keyset._replace(keys=keyset.keys[1:])))
    refused = vendor.run("keys", "install", vendor.sign(str(file), key, "x.txt"), code=117)
    assert f"it lacks the key {old}" in refused.stderr
    file.write_text(keysets.draft_text(keyset._replace(exp=int(time.time()) - 1)))
    refused = vendor.run("keys", "install", vendor.sign(str(file), key, "x.txt"), code=117)
    assert "it expired at" in refused.stderr
    assert vendor.run("keys", "list").stdout.startswith("Keyset version 2 ")


def test_two_of_three_root_keys_can_sign_separately(vendor: Vendor) -> None:
    pems = [vendor.data / "root.pub.pem"]
    for name in ("b", "c"):
        vendor.root("create", vendor.path(f"{name}.key.pem"))
        shipped = vendor.data / f"root-{name}.pub.pem"
        shipped.write_text((vendor.room / f"{name}.pub.pem").read_text())
        pems.append(shipped)
    draft = vendor.path("draft.txt")
    vendor.run("keys", "renew", "-o", draft)
    first = vendor.sign(draft, vendor.path("b.key.pem"), "1.txt")
    again = vendor.sign(first, vendor.path("b.key.pem"), "again.txt")
    assert Path(again).read_text() == Path(first).read_text()  # one key counts once
    both = vendor.sign(first, vendor.path("c.key.pem"), "2.txt")
    env = {"LICENSE_SERVER_ROOTS_NEEDED": "2"}
    # The keyset of `init` has one signature: with two needed the server does not even open.
    weak = vendor.run("keys", "install", first, code=75, env=env)
    assert "is not signed by root.pub.pem, root-b.pub.pem, root-c.pub.pem" in weak.stderr
    vendor.run("keys", "install", both)
    listed = vendor.run("keys", "list", env=env).stdout
    assert "Root keys, version 0; 2 of 3 must sign:" in listed
    vendor.run("keys", "renew", "-o", draft + "3", env=env)
    one = vendor.sign(draft + "3", vendor.path("c.key.pem"), "3.txt")
    weak = vendor.run("keys", "install", one, code=117, env=env)
    assert "1 of 2 required root keys signed it" in weak.stderr
    vendor.run("keys", "install", vendor.sign(one, vendor.path("b.key.pem"), "4.txt"), env=env)
    words = [f"--{name}={value}" for name, value in ORDER.items()]
    file = vendor.run("issue", *words, "-o", "-", env=env).stdout.encode()
    assert len(armor.unwrap(file)[armor.KEYSET]) == 2
    assert vendor.opened(file, *pems[1:], needed=2).trust.keyset.keyset.version == 3
    with pytest.raises(KeysetUntrustedError):
        vendor.opened(file, pems[1], needed=2)


def test_rotated_root_keys_are_followed_by_former_products(vendor: Vendor) -> None:
    former, key = vendor.issue(), vendor.take_root_away()
    for name in ("b", "c"):
        vendor.root("create", vendor.path(f"{name}.key.pem"))
    b, c, roots = vendor.path("b.key.pem"), vendor.path("c.key.pem"), vendor.path("roots.txt")
    trust = ["--trust", vendor.path("b.pub.pem"), "--trust", vendor.path("c.pub.pem")]
    named = ["--vendor", "Example Vendor", *trust, "--needed", "2"]
    vendor.root("rotate", *named, "--key", key, "--yes", "-o", roots)
    for new in (b, c):
        told = vendor.root("rotate", roots, "--key", new, "--yes", "-o", roots)
        assert "2 of 2 of these keys must sign" in told.stderr
    draft = vendor.path("draft.txt")
    vendor.run("keys", "renew", "-o", draft)
    assert "together with a keyset" in vendor.run("keys", "install", roots, code=117).stderr
    by_old = vendor.sign(draft, key, "old.txt")
    refused = vendor.run("keys", "install", roots, by_old, code=117)
    assert "not signed by a trusted root key" in refused.stderr
    one = vendor.sign(draft, b, "1.txt")
    weak = vendor.run("keys", "install", roots, one, code=117)
    assert "1 of 2 required root keys signed it" in weak.stderr
    vendor.run("keys", "install", roots, vendor.sign(one, c, "2.txt"))
    assert "Root keys, version 1; 2 of 2 must sign:" in vendor.run("keys", "list").stdout
    file = vendor.issue()
    found = armor.unwrap(file)
    assert len(found[armor.ROOTS]) == 3
    # A product that ships the first root key alone follows by what the licence brings.
    assert vendor.opened(file).trust.version == (1, 2)
    assert vendor.opened(former).trust.version == (0, 1)
    # The former root key signs nothing any more, not even where it is still at hand.
    (vendor.room / "root.key.pem").rename(vendor.data / "keys" / "root.key.pem")
    assert "no root key" in vendor.run("keys", "renew", code=76).stderr
    assert vendor.run("fsck").stdout.startswith("No faults found")
    # A roots document that skips a version ends the chain.
    named = ["--vendor", "Example Vendor", "--former", "2", *trust]
    vendor.root("rotate", *named, "--key", b, "--yes", "-o", roots)
    vendor.root("rotate", roots, "--key", c, "--yes", "-o", roots)
    vendor.run("keys", "renew", "-o", vendor.path("next.txt"))
    next_ = vendor.sign(vendor.sign(vendor.path("next.txt"), b, "n1.txt"), c, "n2.txt")
    skipped = vendor.run("keys", "install", roots, next_, code=117)
    assert "a version in between is missing" in skipped.stderr


def test_root_key_signs_only_after_confirmation(vendor: Vendor) -> None:
    draft, output = vendor.path("draft.txt"), vendor.path("k.txt")
    vendor.run("keys", "renew", "-o", draft)
    key = vendor.take_root_away()
    done = server.command(
        *("root", "keyset", draft, "--key", key, "-o", output),
        env=server.environment(vendor.data),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert (done.returncode, "add --yes" in done.stderr) == (2, True)
    assert not os.path.exists(output)
    Path(draft).write_text(Path(draft).read_text().replace("a", "b", 1))
    damaged = vendor.root("keyset", draft, "--key", key, "--yes", "-o", output, code=117)
    assert "its checksum does not match" in damaged.stderr
    wrong = {"LICENSE_SERVER_PASSPHRASE": "not this one, surely"}
    vendor.run("keys", "renew", "-o", draft + "2")
    refused = server.at_once(
        "root", "keyset", draft + "2", "--key", key, "--yes", "-o", output, env=wrong
    )
    assert (refused.returncode, os.path.exists(output)) == (71, False)


def test_keys_list_warns_before_key_or_keyset_expires(vendor: Vendor) -> None:
    assert "[W]" not in vendor.run("keys", "list").stderr
    (kid,) = vendor.kids()
    vendor.run("keys", "renew", kid, "--days", "30")
    # Of the thirty days some seconds are over by now, or none.
    assert re.search("signed for (29|30) days more", vendor.run("keys", "list").stderr)
    vendor.run("keys", "renew", kid, "--days", "400", "--keyset-days", "20")
    assert re.search("signed for (19|20) days more", vendor.run("keys", "list").stderr)
    unknown = vendor.run("keys", "renew", "nobody", "--days", "3", code=77)
    assert "no key in the keyset called nobody" in unknown.stderr


def test_running_server_adopts_a_new_keyset_and_key(vendor: Vendor) -> None:
    app = create_app(server.settings(vendor.data), clock=lambda: int(time.time()))
    with TestClient(app, base_url="http://testserver", client=("127.0.0.1", 1)) as client:
        site = app.state.server.site
        token = server.new_token(site.database, "test", int(time.time()))
        bearer = {"Authorization": f"Bearer {token}"}

        def issue() -> tuple[int, str]:
            made = client.post("/api/v1/licenses", json=ORDER, headers=bearer)
            if made.status_code != 201:
                return made.status_code, made.json()["type"]
            link = made.json()["links"]["file"]
            file = client.get(link, headers=bearer).content
            return made.status_code, vendor.opened(file).signing_key.kid

        (old,) = vendor.kids()
        assert issue() == (201, old)
        used: list[Issuer] = []
        waiting = Succession(site.settings, site.database, site.clock, site.issuer, used.append)
        vendor.run("keys", "leaked", old, "--yes")
        asyncio.run(waiting.look())
        asyncio.run(waiting.look())
        assert [one.version for one in used] == [2]  # once
        (_, new) = vendor.kids()

        def goes_on() -> bool:
            """Within a second or two."""
            answer = issue()
            assert answer in ((201, new), (503, "/problems/signer-unavailable"))
            return answer[0] == 201

        until(goes_on)
        assert "hostseal_keyset_version 2.0" in client.get("/metrics").text


def test_server_with_a_former_key_issues_nothing(vendor: Vendor) -> None:
    database, issuer = data_folder.open_vault(server.settings(vendor.data))
    database.close()
    assert issuer.version == 1
    vendor.run("keys", "leaked", issuer.signer.public_key.kid, "--yes")
    app = create_app(server.settings(vendor.data))
    app.state.server.site = app.state.server.site._replace(issuer=issuer)
    client = TestClient(app, base_url="http://testserver")  # nothing in the background
    token = server.new_token(app.state.server.site.database, "test", int(time.time()))
    bearer = {"Authorization": f"Bearer {token}"}
    made = client.post("/api/v1/licenses", json=ORDER, headers=bearer)
    assert (made.status_code, made.json()["type"]) == (503, "/problems/signer-unavailable")
    listed = client.get("/api/v1/licenses", headers=bearer).json()
    assert listed["licenses"] == [] if "licenses" in listed else listed
    app.state.server.site.database.close()


def test_keys_new_rejects_values_no_client_would_accept(vendor: Vendor) -> None:
    draft = vendor.path("draft.txt")
    for more in (("-o", draft), ()):
        for wrong in (("--product", "a b"), ("--from", "9999-12-31")):
            refused = vendor.run("keys", "new", *wrong, *more, code=76)
            assert "bug in Hostseal" not in refused.stderr
    assert not Path(draft).exists()
    assert len(vendor.kids()) == 1


def test_roots_that_leave_no_room_for_a_licence_are_rejected() -> None:
    former, documents = [_new_signer()], ""
    shipped = Roots.shipped([former[0].public_key])
    now = int(time.time())
    signing = SigningKey(_new_signer().public_key, now, now + 86400)
    first = Keyset("Example Vendor", 1, now, (signing,))
    present = keysets.open_trust(keysets.written((), [first.sign(former[0])]), shipped)
    for version in range(1, 4):
        later = [_new_signer() for _ in range(6)]
        public = tuple(key.public_key for key in later)
        roots = Roots("Example Vendor", version, now, 2, public)
        documents += keysets.written([roots.sign(key) for key in (*former, *later)], ())
        former = later
        new = first._replace(version=version + 1)
        given = documents + keysets.written((), [new.sign(key) for key in former])
        if version == 1:
            present = keysets.advance(present, given.encode(), "f", shipped, now)
    with pytest.raises(KeysetRefusedError, match="leave room for a licence"):
        keysets.advance(present, given.encode(), "f", shipped, now)


def test_keyset_is_taken_out_of_what_other_programs_made_of_it() -> None:
    root, now = _new_signer(), int(time.time())
    shipped = Roots.shipped([root.public_key])
    signing = SigningKey(_new_signer().public_key, now, now + 86400)
    first = Keyset("Example Vendor", 1, now, (signing,))
    present = keysets.open_trust(keysets.written((), [first.sign(root)]), shipped)
    given = keysets.written((), [first._replace(version=2).sign(root)])
    for changed in (json.dumps(given), "".join(f"# {line}\n" for line in given.splitlines())):
        new = keysets.advance(present, changed.encode(), "f", shipped, now)
        assert new.keyset.keyset.version == 2
        read = root_signing.read(changed.encode(), "f", armor.KEYSET)
        assert read.asked.version == 2


def _new_signer() -> MemorySigner:
    return MemorySigner(Ed25519PrivateKey.generate())


def test_key_id_may_begin_with_a_hyphen(vendor: Vendor) -> None:
    kid = "-sjVG0grrTYZYz3uojI4UiUSgI3ltxpPnYZDTxdk38k"
    for before in ((), ("--",)):
        told = vendor.run("keys", "retire", "-o", vendor.path("draft"), *before, kid, code=77)
        assert f"called {kid}" in told.stderr
    for given in (kid, kid[:9], kid[:5]):
        told = vendor.run("keys", "leaked", given, "--yes", "-o", vendor.path("draft"), code=77)
        assert f"called {given}" in told.stderr
        told = vendor.run("keys", "renew", given, "--days", "9", code=77)
        assert f"called {given}" in told.stderr
    assert "No such option" in vendor.run("keys", "leaked", "--nonsense", kid, code=2).stderr
