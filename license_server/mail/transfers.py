"""Transfer encodings (RFC 2045 section 6): how the bytes of a part were made fit for mail."""

import binascii
import re

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_UU = re.compile(rb"(?m)^begin [0-7]{3,4} [^\r\n]{1,255}\r?\n")


def decode(data: bytes, encoding: str, most: int) -> bytes:
    """At most *most* bytes of what *data* stands for; *data* itself where nothing is known of it.

    What is damaged is decoded as far as it goes.
    """
    if encoding == "base64":
        return _of_base64(data[: most * 2], most)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data[: most * 4])[:most]
    if encoding in ("x-uuencode", "uuencode", "x-uue"):
        return _of_uu(data[: most * 2])[:most]
    return data[:most]


def _of_base64(data: bytes, most: int) -> bytes:
    found = bytearray()
    # Each run ends with its own padding: gateways append texts of their own.
    for run in re.split(rb"=+", _NOT_BASE64.sub(b"", data), maxsplit=100):
        whole = run[: len(run) - (1 if len(run) % 4 == 1 else 0)]
        found += binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
    return bytes(found[:most])


def _of_uu(data: bytes) -> bytes:
    begin = _UU.search(data)
    if begin is None:
        return data
    found = bytearray()
    for line in data[begin.end() :].splitlines():
        if line.strip() == b"end":
            break
        try:
            found += binascii.a2b_uu(line)
        except binascii.Error:
            continue  # a line that a program changed: the others are still read
    return bytes(found)
