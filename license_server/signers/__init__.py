"""Where the signing key lives: one module a kind, imported only when it is used."""

from collections.abc import Callable

from license_core.errors import InputInvalidError
from license_core.signer import Signer


def open_signer(uri: str, read_passphrase: Callable[[str], bytes]) -> Signer:
    """The signer at *uri*: ``file:PATH``, a private key in encrypted PKCS#8.

    *read_passphrase* is asked when a key needs one, with the key's name. Raises InputInvalidError,
    SignerUnavailableError, PassphraseWrongError, or what *read_passphrase* raises.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "file":
        from license_server.signers.file import open_file

        return open_file(rest, read_passphrase)
    reason = f"{scheme!r} is no kind of signer; `file:PATH` is one"
    raise InputInvalidError(field="LICENSE_SERVER_SIGNER", reason=reason)
