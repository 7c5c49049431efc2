"""Vectors of what operators send (SPEC section 4.4)."""

from collections.abc import Iterator

from license_core import (
    armor,
    hostkey,
)
from license_core.request import LicenseRequest
from tests.vectors.material import HOST, ISSUED, Case, dumps, facts, file


def texts() -> Iterator[Case]:
    """What operators send (section 4.4)."""
    key = hostkey.derive(facts(HOST)).key
    line = f'["{key}", "studio2_gpu"]'
    bare = LicenseRequest(key, "studio2_gpu").to_dict()

    def case(name: str, text: str, expect: str) -> Case:
        return Case(
            f"text-{name}", {"kind": "text", "spec": "4.4", "expect": expect}, text.encode()
        )

    same = f"request {dumps(bare)}"
    yield case("bare-line", f"{line}\n", same)
    yield case("upper-case", line.upper(), same)
    yield case("typographic-quotes", line.replace('"', "\u201d"), same)
    yield case(
        "chinese-punctuation",
        f"\u3010\u201c{key}\u201d\uff0c\u201cstudio2_gpu\u201d\u3011\u3002",
        same,
    )
    full_width = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in key)
    yield case("full-width", line.replace(key, full_width), same)
    yield case("broken-in-the-key", line[:20] + "\r\n" + line[20:], same)
    yield case("broken-and-quoted", f"> {line[:20]}\r\n> {line[20:]}", same)
    yield case("in-a-mail", f"Hello,\nhere it is: {line}\nRegards\n", same)
    yield case("twice-the-same", f"{line}\n> {line}\n", same)
    alone = f"request {dumps(LicenseRequest(key).to_dict())}"
    yield case("key-alone", key, alone)
    yield case("null-name", f'["{key}", null]', alone)
    yield case(
        "escaped-name", f'["{key}", "\\u5de5\\u4f5c"]', f"request {dumps({**bare, 'name': '工作'})}"
    )
    theirs = f'["{key}", "studio2_gpu", "hk1-host"]'
    of_host = f"request {dumps({**bare, 'profile': 'hk1-host'})}"
    yield case("profile", f"{theirs}\n", of_host)
    yield case("profile-upper-case", theirs.upper(), of_host)
    yield case("profile-typographic", theirs.replace('"', "\u201c").replace("-", "\u2011"), of_host)
    yield case("profile-chinese", theirs.replace(", ", "\uff0c").replace("-", "\uff0d"), of_host)
    yield case(
        "profile-in-a-mail", f"Hello,\n> here: {theirs[:60]}\n> {theirs[60:]}\n--\n", of_host
    )
    yield case("profile-name-unquoted", f'{key} studio2_gpu, "hk1-host"', of_host)
    without = {"ver": 1, "key": key, "profile": "hk1-host"}
    yield case("profile-null-name", f'["{key}", null, "hk1-host"]', f"request {dumps(without)}")
    yield case("profile-of-another-name", theirs.replace("hk1-host", "hk1-hosts"), same)
    yield case("profile-elsewhere", f'hk1-host: {line} "hk1-host"', same)
    yield case(
        "profile-that-is-the-name",
        f'["{key}", "hk1-host"]',
        same.replace("studio2_gpu", "hk1-host"),
    )
    groups = " ".join(key[at : at + 4] for at in range(0, 40, 4))
    yield case("groups-of-four", groups, alone)
    yield case("lost-digit-before-a-word", f"{key[:-1]} a new one", "refused request-unreadable")
    yield case("spelled-out", " ".join(key), "refused request-unreadable")
    yield case("no-key", "hello", "refused request-unreadable")
    words = f"Product darwin, host studio2_gpu {key}\nValid until 2027-11-23 16:00:00 UTC\n"
    yield case("a-license", words + file().decode(), "refused request-unreadable")
    yield case("39-digits", f'["{key[:-1]}", "a"]', "refused request-unreadable")
    yield case("41-digits", f'["{key}0", "a"]', "refused request-unreadable")
    yield case("two-keys", f"{line}\n{line.replace(key, 'ab' * 20)}", "refused request-ambiguous")

    full = LicenseRequest(
        key,
        "studio2_gpu",
        "hk1",
        hostkey.tags(facts(HOST)),
        4,
        "ACME 上海",
        "darwin",
        "HS-2027-0000TEST",
        ISSUED,
    )
    block = full.to_text()
    request = f"request {dumps(full.to_dict())}"
    yield case("request", f"Host key {key}\n\n{block}", request)
    yield case("request-quoted", "".join(f"> {row}\n" for row in block.splitlines()), request)
    yield case("request-en-dash", block.replace("-", "\u2013"), request)
    lost = block.splitlines()
    lost[2] = lost[2][1:]
    yield case("request-damaged", "\n".join(lost), "refused request-damaged")
    yield case("request-cut-off", block[:-40], "refused request-damaged")
    other = armor.wrap(armor.REQUEST, "AAAA.AAAAAAAA")
    yield case("request-wrong-checksum", other, "refused request-damaged")
