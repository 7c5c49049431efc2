"""What is refused of keys, their files and keysets."""

from license_core.errors import LicenseError
from license_core.problems import Problem


class PassphraseWrongError(LicenseError):
    """The passphrase does not decrypt the key."""

    row = Problem(
        "passphrase-wrong",
        71,
        "The passphrase is wrong",
        "The passphrase does not open the {what}.",
        "Use the passphrase that `{server} init` was given.",
    )

    what: str


class SecretFileOpenError(LicenseError):
    """A file with a private key or a PIN can be read by others than its owner."""

    row = Problem(
        "secret-file-open",
        98,
        "A file with a secret can be read by others",
        "{path} holds a secret and can be used by others than its owner (mode {mode}).",
        "Nothing was issued. Run `chmod 600 {path}`, then try again.",
    )

    path: str
    mode: str


class KeysetRefusedError(LicenseError):
    """A keyset cannot take the place of the one that is in force."""

    row = Problem(
        "keyset-refused",
        117,
        "The keyset cannot be used",
        "{path} cannot be used as a keyset: {reason}.",
        "Nothing was changed. `{server} keys list` shows what is in force; a keyset is signed with "
        "`{server} root keyset` where a root key is.",
    )

    path: str
    reason: str


class NotInitialisedError(LicenseError):
    """The data folder holds no server."""

    row = Problem(
        "not-initialised",
        73,
        "There is no server in this folder",
        "{path} holds no server yet: {missing} is missing.",
        "Name the right folder with `--data DIR` or LICENSE_SERVER_DATA. "
        "For a new server: `{server} init`.",
    )

    path: str
    missing: str
