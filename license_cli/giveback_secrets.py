"""The secrets by which the licences of this host can be given back, as the client keeps them."""

from __future__ import annotations

from license_cli import files
from license_cli.files import Replacement
from license_core import giveback
from license_core.armor import MAX_FILE
from license_core.errors import LicenseError
from license_core.giveback import Secrets
from license_core.paths import Place, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def digest_to_name(place: Place, key: str, random: Callable[[int], bytes]) -> str | None:
    """What a request for the host *key* names; the secret of it is on the disk by then.

    None where nothing can be kept: such a licence is given back without evidence.
    """
    if not place.remembers:
        return None
    try:
        before = read_secrets(place)
        after = before.asked(key, random)
        if after != before:
            _write(place, after)
    except LicenseError:
        return None  # the request is as good, and says less
    return giveback.digest_of(after.of[0][1])


def read_secrets(place: Place) -> Secrets:
    """Those of this host; none where there is no file, or a damaged one.

    Raises FileUnreadableError or FileTooLargeError.
    """
    data = read(place.secrets, MAX_FILE)
    try:
        return Secrets() if data is None else giveback.parse_secrets(data)
    except ValueError:
        return Secrets()


def spend(place: Place, secret: bytes) -> None:
    """Forget *secret*, which was revealed. Raises as ``files.replace`` does."""
    before = read_secrets(place)
    after = before.without(secret)
    if after != before:
        _write(place, after)


def _write(place: Place, secrets: Secrets) -> None:
    files.replace_all([Replacement(place.secrets, secrets.dump(), private=True)])
