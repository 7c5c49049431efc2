"""Errors of keys, key files and keysets."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class PassphraseWrongError(LicenseError):
    """The passphrase does not decrypt the key."""

    row = Problem(
        "passphrase-wrong",
        71,
        "The passphrase is wrong",
        "The passphrase does not decrypt the {what}.",
        "Use the passphrase that was set for `{server} init`, or since then by "
        "`{server} passphrase change`. If that was cut off, run it again with the same two.",
    )

    what: str


class SecretFileOpenError(LicenseError):
    """A file with a private key or a PIN can be read by others than its owner."""

    row = Problem(
        "secret-file-open",
        98,
        "A secret file is readable by others",
        "{path} holds a secret, but not only its owner can access it (mode {mode}).",
        "Nothing was issued. Run `chmod 600 {path}`, then try again.",
    )

    path: str
    mode: str


class SigningOverError(LicenseError):
    """The keyset, or the key in it, has ended: clients would refuse what is issued now."""

    row = Problem(
        "signing-over",
        166,
        "No licence can be signed any more",
        "No licence can be signed any more: {what} ended at {ended}.",
        "Nothing was issued, and what was issued before stays valid. `{server} check` prints the "
        "commands that renew it, for whoever runs the server.",
    )

    what: str
    ended: str


class KeysetRefusedError(LicenseError):
    """A keyset cannot take the place of the one that is in force."""

    row = Problem(
        "keyset-refused",
        117,
        "The keyset cannot be used",
        "{path} cannot be used as a keyset: {reason}.",
        "Nothing was changed. `{server} keys list` shows the keyset in force; sign a new "
        "one with `{server} root keyset` on the machine that has a root key.",
    )

    path: str
    reason: str


class NotInitialisedError(LicenseError):
    """The data folder holds no server."""

    row = Problem(
        "not-initialised",
        73,
        "This folder holds no server",
        "{path} holds no server yet: {missing} is missing.",
        "Choose the right folder with `--data DIR` or LICENSE_SERVER_DATA. To set up a new "
        "server: `{server} init`.",
    )

    path: str
    missing: str


class TooLargeToSignError(LicenseError):
    """What was to be signed is longer than the service of the signing key takes."""

    row = Problem(
        "too-large-to-sign",
        167,
        "It is too large for the signing key's service",
        "{kind} signs at most {most} bytes, and this would have {size}.",
        "Nothing was issued or published. Give the licence fewer features, limits or tags, or "
        "keep the signing key where there is no such limit (docs/SIGNERS.md).",
    )

    kind: str
    size: int
    most: int
