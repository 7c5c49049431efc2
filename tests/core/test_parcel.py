"""A licence file in other people's hands: what programs made of it is undone strictly, or named."""

import base64
import bz2
import csv
import gzip
import html
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest

from license_core import armor, otherfile
from license_core.errors import LicenseBlockMissingError, LicenseError
from license_core.parcel import MAX_PARCEL, open_parcel
from license_core.tokens import in_armor
from license_core.verify import open_license
from tests.support.sent_files import FILES
from tests.vectors import material
from tests.vectors.ours import CASES, Vector

GOOD = next(Vector(path).body for path in CASES if path.stem == "license-good")
LISTED = GOOD[GOOD.index(b"-----BEGIN LICENSE KEYSET") :]
REVOKED, ROOTS = (
    armor.wrap(label, armor.unwrap(FILES[name].encode())[label][0]).encode()
    for name, label in (("list", armor.REVOCATIONS), ("rotated", armor.ROOTS))
)


def mail(*, transfer: str = "base64", page: bool = False, attached: bool = True) -> bytes:
    """A mail with the licence, as an attachment or as its text."""
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = "Licence", "v@example.com", "o@example.com"
    text = GOOD.decode()
    if attached:
        made.set_content("Dear customer,\nplease find it attached.\n")
        made.add_attachment(GOOD, "application", "octet-stream", filename="license.dat")
    else:
        made.set_content(text, cte=transfer)
    if page:
        body = "<br>\n".join(html.escape(line) for line in text.splitlines())
        made.add_alternative(f"<html><body><p>{body}</p></body></html>", subtype="html")
    return made.as_bytes()


def sheet(rows: list[list[str]], delimiter: str = ",") -> bytes:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue().encode()


def page(break_: str = "<br>") -> str:
    lines = (html.escape(line).replace("-", "&#45;") for line in GOOD.decode().splitlines())
    return f"<!DOCTYPE html><html><head><title>x</title></head><body>{break_.join(lines)}</body>"


def columns() -> list[list[str]]:
    return [["7", line, "x"] for line in GOOD.decode().splitlines()]


TEXT = GOOD.decode()
ONE_LINE = TEXT.replace("\n", "\\n")
FOLD = ONE_LINE.index("\\n", 900) + 9
SENT = open_license(GOOD, roots=(material.ROOT.public_key,)).license
ENCODED = base64.b64encode(GOOD).decode()
PARCELS: dict[str, bytes] = {
    "line breaks as two characters": ONE_LINE.encode(),
    "line breaks as four characters": TEXT.replace("\n", "\\r\\n").encode(),
    "line breaks escaped twice": TEXT.replace("\n", "\\\\n").encode(),
    "base64": ENCODED.encode(),
    "base64 in lines": base64.encodebytes(GOOD),
    "base64 in lines of Windows": base64.encodebytes(GOOD).replace(b"\n", b"\r\n"),
    "base64url without padding": base64.urlsafe_b64encode(GOOD).rstrip(b"="),
    "a mail with an attachment": mail(),
    "a mail in base64": mail(attached=False),
    "a mail with a page beside its text": mail(attached=False, page=True, transfer="7bit"),
    "a mail from Windows": mail().replace(b"\n", b"\r\n"),
    "a page with breaks": page().encode(),
    "a page with paragraphs": page("</p><p>").encode(),
    "a page with rows": page("</td></tr><tr><td>").encode(),
    "a page with spaces that do not break": page("&nbsp;<br/>").encode(),
    "a string of JSON": json.dumps(TEXT).encode(),
    "a member of JSON": json.dumps({"a": 1, "b": [{"license": TEXT}]}).encode(),
    "base64 in JSON": json.dumps({"data": {"license.dat": ENCODED}}).encode(),
    "a Secret of Kubernetes": f"kind: Secret\ndata:\n  license.dat: {ENCODED}\n".encode(),
    "YAML in double quotes": f'license: "{ONE_LINE}"\nnext: 1\n'.encode(),
    "YAML in double quotes, folded": f'x: "{ONE_LINE[:FOLD]}\\\n  {ONE_LINE[FOLD:]}"'.encode(),
    "a variable of .env": f"LICENSE='{ONE_LINE}'\n".encode(),
    "a column": sheet(columns()),
    "a column of a sheet with semicolons": sheet(columns(), ";"),
    "a column with tabs": sheet([row[:2] for row in columns()], "\t"),
    "a cell with a quote mark": sheet([["a", f'He said "here": {TEXT}', "b"]]).replace(
        b"\n", b"_x000D_\n"
    ),
    "a sector of zeros": GOOD + bytes(4096),
    "three zeros": GOOD.replace(b"-----BEGIN", b"\0-----BEGIN", 0) + bytes(3000),
}


@pytest.mark.parametrize("name", PARCELS)
def test_a_parcel_gives_the_very_blocks_that_were_put_into_it(name: str) -> None:
    parcel = open_parcel(PARCELS[name])
    assert parcel.what is not None
    assert in_armor(parcel.data) == in_armor(GOOD)
    told = otherfile.closed(PARCELS[name])
    assert told is not None
    assert "`install` takes the licence out" in told.what


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_can_be_read_as_it_is_is_no_parcel(path: object) -> None:
    body = Vector(path).body  # type: ignore[arg-type]
    if in_armor(body):
        assert open_parcel(body) == (body, None)
    elif open_parcel(body).what is not None:
        assert in_armor(open_parcel(body).data)


def test_a_file_without_a_licence_comes_in_parcels_too() -> None:
    for data in (base64.b64encode(LISTED), LISTED.replace(b"\n", b"\\n")):
        assert in_armor(open_parcel(data).data) == in_armor(LISTED)


OTHER = next(Vector(path).body for path in CASES if path.stem == "license-notify")


@pytest.mark.parametrize(
    "data",
    [
        json.dumps([TEXT, OTHER.decode()]).encode(),
        f"a: {ENCODED}\nb: {base64.b64encode(OTHER).decode()}\n".encode(),
        base64.b64encode(GOOD + OTHER),
        (TEXT + OTHER.decode().replace("-----", "----")).replace("\n", "\r").encode(),
        base64.b64encode(GOOD)[:-400],
        ONE_LINE[:-400].encode(),
        ONE_LINE.replace("\\n", "\\x").encode(),
        page().replace(TEXT.splitlines()[5], "").encode(),
        (TEXT.replace("-----", "----") + TEXT[:600]).encode(),
        b"",
        b"\0" * 9000,
        b"From: x\n\nhello\n",
        ENCODED.encode() + b" " * MAX_PARCEL,
        ENCODED.encode() + b"\n" * 40_001,
        ENCODED.encode() + b"\r" * 40_001,
    ],
    ids=range(15),
)
def test_what_is_not_surely_one_file_is_left_alone(data: bytes) -> None:
    assert open_parcel(data) == (data, None)


def test_a_parcel_may_have_the_lines_of_a_long_list() -> None:
    assert open_parcel(ENCODED.encode() + b"\r\n" * 30_000).what is not None


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("license.dat", GOOD)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "words", "remedy"),
    [
        pytest.param(archive(), "ZIP archive", "unzip FILE", id="zip"),  # its bytes have the time
        (gzip.compress(GOOD, mtime=0), "archive (gzip)", "gunzip <FILE >license.dat"),
        (bz2.compress(GOOD), "archive (bzip2)", "bunzip2 <FILE >license.dat"),
        (lzma.compress(GOOD), "archive (xz)", "unxz <FILE >license.dat"),
        (b"\x28\xb5\x2f\xfd" + bytes(90), "archive (zstd)", "unzstd <FILE >license.dat"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(90), "archive (7z)", "7z x FILE"),
        (b"Rar!\x1a\7" + bytes(90), "archive (RAR)", "unrar x FILE"),
        (b"%PDF-1.7\n", "a PDF", "copy its text"),
        (rb"{\rtf1 x}", "an RTF", "copy its text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Outlook", "save what is attached"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "a picture", "ask your vendor to send the file"),
        (b"\xff\xd8\xff\xe0" + bytes(90), "a picture", "ask your vendor to send the file"),
        (REVOKED, "a revocation list", "beside the licence"),
        (ROOTS, "a roots document", "beside the licence"),
        (LISTED, "a keyset", "copy the whole file"),
        (base64.b64encode(REVOKED), "a revocation list", "beside the licence"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n", "a public key", "with the licence file"),
        (b"<!DOCTYPE html>\n<p>Sign in</p>", "a web page", "save the file itself"),
        (ENCODED.encode(), "it is encoded as base64", "with this very file"),
        (b"", "it is empty", "Ask your vendor to send the file again"),
    ],
)
def test_what_is_no_licence_is_named_with_what_to_do(data: bytes, words: str, remedy: str) -> None:
    with pytest.raises(LicenseBlockMissingError) as refused:
        open_license(data, roots=(material.ROOT.public_key,))
    assert words in refused.value.sentence
    assert remedy in refused.value.remedy()
    assert refused.value.remedy().count("Ask your vendor") == remedy.count("Ask your vendor")


def damaged_parcels(count: int) -> Iterator[bytes]:
    """Parcels of which one character was lost, came twice, or changed places with the next."""
    chance = random.Random(count)
    ways: tuple[Callable[[bytes, int], bytes], ...] = (
        lambda data, at: data[:at] + data[at + 1 :],
        lambda data, at: data[:at] + data[at : at + 1] + data[at:],
        lambda data, at: data[:at] + data[at : at + 2][::-1] + data[at + 2 :],
    )
    parcels = list(PARCELS.values())
    for _ in range(count):
        data = chance.choice(parcels)
        yield chance.choice(ways)(data, chance.randrange(len(data)))


@pytest.mark.parametrize("count", [40, pytest.param(5_000, marks=pytest.mark.torture)])
def test_a_damaged_parcel_gives_the_same_licence_or_none(count: int) -> None:
    for data in damaged_parcels(count):
        try:
            opened = open_license(open_parcel(data).data, roots=(material.ROOT.public_key,))
        except LicenseError:
            continue
        assert opened.license == SENT


def of_mail(body: bytes, *attached: bytes) -> bytes:
    """A mail with a quoted *body*, and files that are sent as base64."""
    mail = EmailMessage()
    mail["Subject"] = "Re: licence"
    mail.set_content("".join(f"> {line}\n" for line in body.decode().splitlines()))
    for data in attached:
        mail.add_attachment(
            data, maintype="application", subtype="octet-stream", filename="license.dat"
        )
    return mail.as_bytes()


def numbers(data: bytes) -> list[int]:
    """How many licences, keysets and so on are in what is installed, each once."""
    return sorted(len(set(tokens)) for tokens in armor.unwrap(open_parcel(data).data).values())


def test_what_a_mail_has_attached_counts_as_much_as_what_it_quotes() -> None:
    keyset = material.blocks(armor.KEYSET, material.keyset()).encode()
    former = material.file(material.token(material.payload(jti="HS-2026-FORMER00")))
    present = material.file(material.token(material.payload()))
    for data in (of_mail(former, present), of_mail(present, former), of_mail(b"", former, present)):
        assert numbers(data) == [1, 2]  # two licences: nobody chooses between them
    assert numbers(of_mail(keyset, present)) == numbers(of_mail(b"", present)) == [1, 1]
    assert numbers(of_mail(present, present)) == [1, 1]


@pytest.mark.parametrize(
    "hidden", ["<!--{}-->", "\x1b]8;;{}\x1b\\"], ids=["a comment", "a link of a terminal"]
)
def test_no_token_is_left_behind_in_what_is_undone(hidden: str) -> None:
    keyset = material.keyset(version=9)
    shown = GOOD.decode().replace("\n", "<br>") if "<" in hidden else GOOD.decode()
    opened = open_parcel((shown + hidden.format(keyset)).encode())
    assert opened.what is None or keyset in armor.unwrap(opened.data)[armor.KEYSET]


@pytest.mark.parametrize(
    "hostile",
    [
        b'Content-Type: multipart/mixed; a="' + b";" * 900_000 + b"\n\n",
        b"Content-Type: multipart/mixed" + b"; a" * 300_000 + b"; boundary=x\n\n",
        ("a" + "\u0301\u0327" * 120_000).encode(),
    ],
    ids=["semicolons", "parameters", "marks"],
)
def test_no_text_takes_a_time_that_grows_with_its_square(hostile: bytes) -> None:
    """Each of these once took minutes, which ends a test."""
    begun = GOOD[GOOD.index(b"eyJ") :][:40]
    assert open_parcel(hostile + begun + b"\n").what is None
