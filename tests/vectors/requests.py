"""Vectors of what operators send (SPEC section 4.4)."""

from collections.abc import Iterator

from license_core import (
    armor,
    b64url,
    giveback,
    hostkey,
    hostline,
    strictjson,
)
from license_core.request import LicenseRequest
from license_core.sha256 import sha256
from tests.vectors.material import HOST, ISSUED, Case, dumps, file
from tests.vectors.ours import facts

KEY = hostkey.derive(facts(HOST)).key
LINE = f'["{KEY}", "studio2_gpu"]'
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
REFUSED = "refused request-unreadable"


def _case(name: str, text: str, expect: str) -> Case:
    return Case(f"text-{name}", {"kind": "text", "spec": "4.4", "expect": expect}, text.encode())


def _groups(digits: str, size: int, gap: str = " ") -> str:
    return gap.join(digits[at : at + size] for at in range(0, len(digits), size))


def texts() -> Iterator[Case]:
    """What operators send (section 4.4)."""
    yield from _texts()
    yield from _damaged_lines()
    yield from _no_lines()


def _texts() -> Iterator[Case]:
    """Lines as they were printed, and requests."""
    key, line = KEY, LINE
    bare = LicenseRequest(key, "studio2_gpu").to_dict()

    same = f"request {dumps(bare)}"
    yield _case("bare-line", f"{line}\n", same)
    yield _case("upper-case", line.upper(), same)
    yield _case("typographic-quotes", line.replace('"', "\u201d"), same)
    yield _case(
        "chinese-punctuation",
        f"\u3010\u201c{key}\u201d\uff0c\u201cstudio2_gpu\u201d\u3011\u3002",
        same,
    )
    full_width = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in key)
    yield _case("full-width", line.replace(key, full_width), same)
    yield _case("broken-in-the-key", line[:20] + "\r\n" + line[20:], same)
    yield _case("broken-and-quoted", f"> {line[:20]}\r\n> {line[20:]}", same)
    yield _case("in-a-mail", f"Hello,\nhere it is: {line}\nRegards\n", same)
    yield _case("twice-the-same", f"{line}\n> {line}\n", same)
    alone = f"request {dumps(LicenseRequest(key).to_dict())}"
    yield _case("key-alone", key, alone)
    yield _case("null-name", f'["{key}", null]', alone)
    yield _case(
        "escaped-name", f'["{key}", "\\u5de5\\u4f5c"]', f"request {dumps({**bare, 'name': '工作'})}"
    )
    theirs = f'["{key}", "studio2_gpu", "hk1-host"]'
    of_host = f"request {dumps({**bare, 'profile': 'hk1-host'})}"
    yield _case("profile", f"{theirs}\n", of_host)
    yield _case("profile-upper-case", theirs.upper(), of_host)
    yield _case(
        "profile-typographic", theirs.replace('"', "\u201c").replace("-", "\u2011"), of_host
    )
    yield _case("profile-chinese", theirs.replace(", ", "\uff0c").replace("-", "\uff0d"), of_host)
    yield _case(
        "profile-in-a-mail", f"Hello,\n> here: {theirs[:60]}\n> {theirs[60:]}\n--\n", of_host
    )
    yield _case("profile-name-unquoted", f'{key} studio2_gpu, "hk1-host"', of_host)
    without = {"ver": 1, "key": key, "profile": "hk1-host"}
    yield _case("profile-null-name", f'["{key}", null, "hk1-host"]', f"request {dumps(without)}")
    yield _case("profile-of-another-name", theirs.replace("hk1-host", "hk1-hosts"), same)
    yield _case("profile-elsewhere", f'hk1-host: {line} "hk1-host"', same)
    yield _case(
        "profile-that-is-the-name",
        f'["{key}", "hk1-host"]',
        same.replace("studio2_gpu", "hk1-host"),
    )
    for one in ("hk1-cluster", "hk1-site"):
        yield _case(
            f"profile-{one}", theirs.replace("hk1-host", one), of_host.replace("hk1-host", one)
        )
        plain = f"[{key}, studio2_gpu, {one}]"
        yield _case(f"profile-{one}-without-quotes", plain, of_host.replace("hk1-host", one))
    both = f"{theirs}\n{theirs.replace('hk1-host', 'hk1-site')}\n{line}"
    yield _case("profiles-of-one-key", both, of_host.replace("hk1-host", "hk1-site"))
    sited = LicenseRequest(key, "studio2_gpu", "hk1-site", machines=2)
    sited = sited._replace(tags={"site": "0123456789abcdef", "roster": "fedcba9876543210"})
    yield _case("request-site", sited.to_text(), f"request {dumps(sited.to_dict())}")
    other_tags = sited._replace(tags={"hostname": "0123456789abcdef"})
    payload = strictjson.dumps(other_tags.to_dict())
    check = b64url.encode(sha256(payload))[:8]
    block = armor.wrap(armor.REQUEST, f"{b64url.encode(payload)}.{check}")
    yield _case("request-tag-of-another-profile", block, "refused request-damaged")
    named = LicenseRequest(key, "studio2_gpu", return_digest=giveback.digest_of(bytes(32)))
    yield _case("request-return", named.to_text(), f"request {dumps(named.to_dict())}")
    of_returned = giveback.Returned("HS-2027-0000TEST", 1800000000, bytes(32)).to_text()
    yield _case("a-return", of_returned, "refused request-unreadable")
    yield _case("a-return-beside-a-line", f"{of_returned}\n{line}\n", same)
    layered = LicenseRequest(key, "studio2_gpu", layer="0123456789abcdef")
    yield _case("request-layer", layered.to_text(), f"request {dumps(layered.to_dict())}")
    groups = " ".join(key[at : at + 4] for at in range(0, 40, 4))
    yield _case("groups-of-four", groups, alone)
    yield _case("lost-digit-before-a-word", f"{key[:-1]} a new one", "refused request-unreadable")
    yield _case("spelled-out", " ".join(key), "refused request-unreadable")
    yield _case("no-key", "hello", "refused request-unreadable")
    words = f"Product darwin, host studio2_gpu {key}\nValid until 2027-11-23 16:00:00 UTC\n"
    yield _case("a-license", words + file().decode(), "refused request-unreadable")
    yield _case("39-digits", f'["{key[:-1]}", "a"]', "refused request-unreadable")
    yield _case("41-digits", f'["{key}0", "a"]', "refused request-unreadable")
    yield _case("two-keys", f"{line}\n{line.replace(key, 'ab' * 20)}", "refused request-ambiguous")

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
    yield _case("request", f"Host key {key}\n\n{block}", request)
    yield _case("request-quoted", "".join(f"> {row}\n" for row in block.splitlines()), request)
    yield _case("request-en-dash", block.replace("-", "\u2013"), request)
    lost = block.splitlines()
    lost[2] = lost[2][1:]
    yield _case("request-damaged", "\n".join(lost), "refused request-damaged")
    yield _case("request-cut-off", block[:-40], "refused request-damaged")
    other = armor.wrap(armor.REQUEST, "AAAA.AAAAAAAA")
    yield _case("request-wrong-checksum", other, "refused request-damaged")


def _damaged_lines() -> Iterator[Case]:
    """What programs make of a line."""
    key, name = KEY, "studio2_gpu"
    whole = f"request {dumps(LicenseRequest(key, name).to_dict())}"
    of_host = f"request {dumps(LicenseRequest(key, name, 'hk1-host').to_dict())}"
    alone = f"request {dumps(LicenseRequest(key).to_dict())}"
    printed = hostline.write(key, name, "hk1-host", check=True)
    quoted = LINE.replace('"', "=22").replace(" ", "=20")
    yield _case("quoted-printable", f"{quoted[:30]}=\r\n{quoted[30:]}", whole)
    yield _case("quoted-printable-label", f"host key=3D{key}=20\n", alone)
    yield _case("url", LINE.translate({ord(c): f"%{ord(c):02X}" for c in '[]", '}), whole)
    page = f"<p>[&quot;<b>{key[:20]}<wbr>{key[20:]}</b>&quot;,&nbsp;&#34;studio2_gpu&#x22;]</p>"
    yield _case("html", page, whole)
    yield _case("html-table", f"<tr><TD>{key}</TD><td>studio2_gpu</td><td>4</td></tr>", whole)
    yield _case("json-string", dumps({"text": f"Hello\n{printed}\n"}), of_host)
    members = {"host_key": key, "hostname": name, "profile": "hk1-host", "notices": []}
    yield _case("json-members", dumps(members), of_host)
    yield _case("json-members-in-csv", dumps(members).replace('"', '""'), of_host)
    yield _case("terminal-colours", f"\x1b[01;31m{key}\x1b[0m \x1b[1mstudio2_gpu\x1b[K", whole)
    yield _case("terminal-colours-without-esc", f'[1m["{key}", "studio2_gpu"][0m', whole)
    pane = f"\u2502{LINE[:30]}\u2502\n\u2502{LINE[30:]}\u2502"
    yield _case("terminal-pane", pane, whole)
    yield _case("broken-at-the-quote", f'["{key[:20]}\n{key[20:]}\n", "studio2_gpu"]', whole)
    coloured = f"=1B[32m[=22{key}=22, =1B[1m=22studio2_gpu=22]"
    lost = f"[{key[:20]}\n{key[20:]}, studio2_gpu]"
    yield _case("broken-in-brackets-without-quotes", lost, whole)
    yield _case("broken-after-the-quote", f'["\n{key[:26]}\n{key[26:]}", "studio2_gpu"]', whole)
    of_json = dumps({"text": f"ESC[1m{LINE}ESC[0m"})
    yield _case("json-string-colours", of_json.replace("ESC", "\\u001b"), whole)
    yield _case("quoted-printable-colours", coloured, whole)
    yield _case("bold", f"**{key}**, *studio2_gpu*", whole)
    yield _case("quoted-by-other-marks", f"\xbb {LINE[:20]}\n: {LINE[20:50]}\n# {LINE[50:]}", whole)
    yield _case("compared", f"+{key}\n+studio2_gpu\n", whole)
    yield _case("unseen", f"{key[:9]}\u2060{key[9:]} stu\u00addio2\ufe0f_gpu", whole)
    yield _case("link", f'["{key}", "studio2_gpu <http://studio2_gpu/>"]', whole)
    yield _case("labels", f"机器码{key}\n主机名：studio2_gpu\n", whole)
    yield _case("labels-english", f"Host key={key}\nHost name = studio2_gpu", whole)
    yield _case("columns", f"{key}\tstudio\t4\n", whole.replace("studio2_gpu", "studio"))
    yield _case(
        "brackets-without-quotes", f"[{key}, studio]", whole.replace("studio2_gpu", "studio")
    )
    yield _case("profile-without-quotes", f"[{key}, studio2_gpu, hk1-host]", of_host)
    yield _case("sentence", f"It is {key} studio2_gpu. Thanks", whole)
    yield _case("name-of-one-of-two", f"{LINE}\n> {key}\n", whole)
    yield _case("groups-on-two-lines", f"{_groups(key[:20], 4)}\n{_groups(key[20:], 4)}", alone)
    yield _case("groups-in-quotes", f'"{_groups(key, 11)}"', alone)
    yield _case("telephone-number-below", f"{key}\n13800138000", alone)
    yield _case("dates-beside", f"2026-11-29 {key} 2026\n2026年11月29日", alone)
    yield _case(
        "container-name", f"{key} 4f53cda18c2b", whole.replace("studio2_gpu", "4f53cda18c2b")
    )
    yield _case("check", hostline.write(key, name, check=True), whole)
    yield _case("check-profile", printed, of_host)
    yield _case("check-null-name", hostline.write(key, None, check=True), alone)
    far = hostline.write(key, "工作站-7", check=True)
    yield _case("check-beyond-ascii", far, whole.replace("studio2_gpu", "工作站-7"))
    loose = hostline.write(key, name, check=True).replace('"', "").upper()
    yield _case("check-without-quotes", loose, whole)


def _no_lines() -> Iterator[Case]:
    """What looks like a line, or like a part of one."""
    key = KEY
    alone = f"request {dumps(LicenseRequest(key).to_dict())}"
    yield _case("sha256-in-fours", _groups(DIGEST, 4), REFUSED)
    yield _case("sha256-in-eights", _groups(DIGEST, 8), REFUSED)
    yield _case("sha256-wrapped", _groups(DIGEST, 40, "\n"), REFUSED)
    yield _case("sha256-wrapped-behind-a-word", f"sha256: {_groups(DIGEST, 24, chr(10))}", REFUSED)
    pgp = _groups(key[:20].upper(), 4), _groups(key[20:].upper(), 4)
    yield _case("pgp", "  ".join(pgp), REFUSED)
    yield _case("pgp-one-space", " ".join(pgp), REFUSED)
    yield _case("cut-off-before-a-date", f"{key[:36]}\n2026-11-28", REFUSED)
    yield _case("cut-off-before-a-number", f"{key[:32]}\n13800138", REFUSED)
    yield _case("cut-off-before-a-word", f"{key[:36]} beef, studio2_gpu", REFUSED)
    yield _case("cut-off-in-octets", f"[=22{key[:38]}\n=22]", REFUSED)
    yield _case("cut-off-in-octets-of-gbk", f"[=AB=B0{key[:38]}\n=A1=B1]", REFUSED)
    yield _case("telephone-numbers", "1380013800 1380013801 1380013802 1380013803", REFUSED)
    yield _case("dates", "20261128 20261129 20261130 20261201 20261202", REFUSED)
    yield _case("halves", f"{key[:20]} {key[20:]}", REFUSED)
    yield _case("commit", f"https://example.com/commit/{key}", REFUSED)
    yield _case("hyphen", f"{key}-dirty", REFUSED)
    yield _case("letter", f"x{key}", REFUSED)
    other = "ab" * 20
    yield _case(
        "doubtful", f"{key}\n{DIGEST[:24]}\n\nHost key: {other}", "refused request-ambiguous"
    )
    for name, after in {
        "entity": "&quot, please",
        "backslash": "\\",
        "word": " is my key",
        "last-word": ", please",
        "slash": " / studio2_gpu",
        "number": " 4 GPUs",
        "parameter": "&n=studio",
        "member": '", "other": "x"',
        "far": "\n\nstudio2_gpu",
    }.items():
        yield _case(f"no-name-{name}", f"{key}{after}", alone)
    line = hostline.write(key, "studio2_gpu", check=True)
    changed = line.replace(key, key[:7] + ("0" if key[7] != "0" else "1") + key[8:])
    yield _case("check-digit-changed", changed, "refused request-damaged")
    at = next(at for at in range(2, 41) if line[at] != line[at + 1])
    swapped = line[:at] + line[at + 1] + line[at] + line[at + 2 :]
    yield _case("check-digits-swapped", swapped, "refused request-damaged")
    yield _case("check-name-changed", line.replace("gpu", "cpu"), "refused request-damaged")
    lost = line.replace(' "studio2_gpu",', "")
    yield _case("check-name-lost", lost, "refused request-damaged")
    of_host = hostline.write(key, "studio2_gpu", "hk1-host", check=True)
    lost = of_host.replace(' "hk1-host",', "")
    yield _case("check-profile-lost", lost, "refused request-damaged")
