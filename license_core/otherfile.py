"""What a file is that is no licence, and what to do with it."""

from __future__ import annotations

from license_core import armor, tokens
from license_core.errors import LicenseBlockMissingError, LicenseDamagedError
from license_core.parcel import open_parcel
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from license_core.errors import LicenseError
    from license_core.tokens import Blocks

_PEM = b"-----BEGIN PUBLIC KEY-----"
_PAGES = (b"<!doctype html", b"<html")


class OtherFile(NamedTuple):
    """What a file is, and the names of what to do with it in remedies.py."""

    what: Reason
    advice: tuple[str, ...] | None = None
    """None: nothing better than the problem says itself."""
    more: Mapping[str, str] = {}

    def missing(self, data: bytes) -> LicenseError:
        """That *data*, which is this, has no licence."""
        error = LicenseBlockMissingError(size=len(data), found=self.what)
        return error.advised(self.advice, **self.more)

    def damaged(self) -> LicenseError:
        """That a licence is damaged, since it is this."""
        return LicenseDamagedError(reason=self.what).advised(self.advice, **self.more)


def _archive(kind: str, command: str) -> OtherFile:
    return OtherFile(Reason("it is an archive ({kind})", kind=kind), ("unpack",), {"do": command})


_BY_START = {
    b"PK\3\4": OtherFile(Reason("it is a ZIP archive or an Office document"), ("unpack-zip",)),
    b"\x1f\x8b": _archive("gzip", "gunzip <FILE >license.dat"),
    b"BZh": _archive("bzip2", "bunzip2 <FILE >license.dat"),
    b"\xfd7zXZ\0": _archive("xz", "unxz <FILE >license.dat"),
    b"\x28\xb5\x2f\xfd": _archive("zstd", "unzstd <FILE >license.dat"),
    b"7z\xbc\xaf\x27\x1c": _archive("7z", "7z x FILE"),
    b"Rar!\x1a\7": _archive("RAR", "unrar x FILE"),
    b"%PDF": OtherFile(Reason("it is a PDF"), ("copy-its-text",)),
    rb"{\rtf": OtherFile(Reason("it is an RTF document"), ("copy-its-text",)),
    b"\xd0\xcf\x11\xe0": OtherFile(
        Reason("it is an Outlook message or an old Office document"), ("save-what-is-attached",)
    ),
    **dict.fromkeys(
        (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*"),
        OtherFile(Reason("it is a picture"), ("ask-for-the-file",)),
    ),
}
_BY_LABEL = {
    armor.REQUEST: OtherFile(
        Reason("it is a request, to be sent to the vendor"), ("send-the-request",)
    ),
    armor.RETURN: OtherFile(
        Reason("it says that a licence was given back, and is to be sent to the vendor"),
        ("send-the-return",),
    ),
    armor.KEYSET: OtherFile(
        Reason("it is a keyset, or only the second half of a licence file"),
        ("copy-the-whole-file", "install-beside"),
    ),
    armor.ROOTS: OtherFile(Reason("it is a roots document"), ("install-beside",)),
    armor.REVOCATIONS: OtherFile(Reason("it is a revocation list"), ("install-beside",)),
}
_PUBLIC_KEY = OtherFile(
    Reason("it is a public key, which belongs in the keys folder"), ("put-among-keys",)
)
_PART = OtherFile(Reason("a licence begins in it, but part of it is missing or was changed"))
_PAGE = OtherFile(
    Reason("it is a web page, perhaps one that asks to sign in"), ("download-the-file",)
)
_EMPTY = OtherFile(Reason("it is empty"))
_UNKNOWN = OtherFile(Reason("it is in an unknown format"))


def closed(data: bytes) -> OtherFile | None:
    """The parcel that *data* is, or the file of another program; None where it is none."""
    parcel = open_parcel(data)
    if parcel.what is not None:
        blocks = armor.unwrap(parcel.data)
        if armor.LICENSE not in blocks:
            return _of_blocks(blocks)
        what = Reason("{what}; `install` takes the licence out of it", what=parcel.what)
        return OtherFile(what, ("install-takes-it-out",))
    return of_another_program(data)


def of_another_program(data: bytes) -> OtherFile | None:
    """The archive, document or picture that *data* begins as; None where it is none."""
    return next((other for start, other in _BY_START.items() if data.startswith(start)), None)


def without_license(data: bytes, blocks: Blocks) -> OtherFile:
    """What *data* is, whose *blocks* have no licence among them."""
    if found := _of_blocks(blocks):
        return found
    if _PEM in data:
        return _PUBLIC_KEY
    if tokens.begins(data.decode("latin-1")):
        return _PART
    if not data.strip(b"\0 \t\r\n"):
        return _EMPTY
    return _PAGE if data.lstrip()[:15].lower().startswith(_PAGES) else _UNKNOWN


def _of_blocks(blocks: Blocks) -> OtherFile | None:
    return next((other for label, other in _BY_LABEL.items() if label in blocks), None)
