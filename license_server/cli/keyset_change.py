"""A change of the keyset: put into force here, or written as a draft for root keys elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from license_core.claims import ClaimError
from license_core.keyset import Keyset
from license_core.wording import DEFAULT_SERVER
from license_server.cli.caller import caller
from license_server.cli.output import written
from license_server.cli.shared import input_file
from license_server.db.errors import InputInvalidError

if TYPE_CHECKING:
    from license_core.signer import Signer
    from license_server.db.database import Database
    from license_server.settings import ServerSettings


class KeysetChange:
    """A keyset to be made: of the one in force, or of the draft in a file."""

    def __init__(self, settings: ServerSettings, output: str | None) -> None:
        from license_server.operations import data_folder
        from license_server.signing.issuer import read_trust

        self._settings, self._output = settings, output
        self.database: Database = data_folder.open_database(settings)
        try:
            self.trust = read_trust(settings, self.database)
            draft = self._draft()
            self._continued = draft is not None
            self.base = draft or self.trust.keyset.keyset
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        """Leave the database."""
        self.database.close()

    def root(self) -> Signer | None:
        """The root key that signs it here; None: a draft is written. Raises InputInvalidError."""
        from license_server.signing import install

        if self._output:
            return None
        root = install.open_root(self._settings, self.trust)
        if root is None:
            reason = "no root key here can sign alone: give a FILE for the draft"
            raise InputInvalidError(field="-o", reason=reason)
        return root

    def to(self, changed: Callable[[Keyset], Keyset], now: int) -> None:
        """Put what *changed* makes in force where a root key is here, else write it as a draft."""
        from license_server.signing import install, keysets

        present = self.trust.keyset.keyset
        new = install.next_keyset(present, changed(self.base), now)
        try:
            Keyset.from_dict(new.to_dict())  # before anybody signs what no client would read
        except ClaimError as error:
            raise InputInvalidError(field=error.claim, reason=error.reason) from error
        root = self.root()
        if root is not None:
            given = keysets.written((), (new.sign(root),)).encode("ascii")
            issuer = install.install(
                self._settings, self.database, given, "the keyset", caller(), now
            )
            say_installed(issuer.version, issuer.signer.public_key.kid)
            return
        assert self._output is not None  # noqa: S101  # there is no root key here
        with written(self._output, tell=not self._continued) as put:
            put(keysets.draft_text(new).encode("ascii"))
        if self._continued:
            click.echo(f"Changed the draft in {self._output} further.", err=True)
        needed = self.trust.roots.threshold
        more = (
            f"     {needed} root keys must sign it, or as many as new roots require. Each other:\n"
            f"     {DEFAULT_SERVER} root keyset keyset.txt --key ROOT.key.pem -o keyset.txt\n"
        )
        click.echo(
            f"Drafted keyset version {new.version}; not in force yet. Where the root key is:\n"
            f"     {DEFAULT_SERVER} root keyset {self._output} --key ROOT.key.pem -o keyset.txt\n"
            f"{more if needed > 1 else ''}"
            f"     Then here: {DEFAULT_SERVER} keys install keyset.txt",
            err=True,
        )

    def _draft(self) -> Keyset | None:
        """The draft that is in the file already. Raises KeysetRefusedError: it is of no use."""
        from license_server.signing import keysets

        if self._output in (None, "-") or not os.path.exists(str(self._output)):
            return None
        present = self.trust.keyset.keyset
        return keysets.drafted(input_file(str(self._output)), str(self._output), present)


def say_installed(version: int, kid: str) -> None:
    """Say which keyset is in force, and which key signs."""
    click.echo(f"Keyset version {version} is in force; {kid} signs.", err=True)
