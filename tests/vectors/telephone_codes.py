"""Vectors of host keys that were read aloud (SPEC section 4.5)."""

from collections.abc import Iterator

from license_core import phonecode
from license_core.request import LicenseRequest
from tests.vectors.material import Case, dumps
from tests.vectors.requests import KEY, LINE, REFUSED

FOLDER = "telephone"


def _in(digits: str, size: int, gap: str = " ") -> str:
    return gap.join(digits[at : at + size] for at in range(0, len(digits), size))


def codes() -> Iterator[Case]:
    """Host keys that were read aloud (section 4.5)."""
    lines = phonecode.lines(KEY)
    code, groups = "\n".join(lines), phonecode.groups(KEY)
    alone = f"request {dumps(LicenseRequest(KEY).to_dict())}"
    named = f"request {dumps(LicenseRequest(KEY, 'studio2_gpu').to_dict())}"
    damaged = "refused request-damaged"

    def case(name: str, text: str, expect: str) -> Case:
        told = {"kind": "telephone", "spec": "4.5", "expect": expect}
        return Case(f"{FOLDER}/{name}", told, text.encode())

    yield case("plain", code, alone)
    yield case("name", f'{code}\n"studio2_gpu"\n', named)
    yield case("name-typed", f"{' '.join(groups)}, Studio2_GPU.", named)
    yield case("signed", f"{code}\nLi", alone)
    yield case("name-below", f"{code}\nstudio2_gpu", named)
    yield case("null-name", f"{code}\nnull", alone)
    yield case("in-a-mail", f"Hello,\n> {lines[0]}\n> {lines[1]}\n> {lines[2]}\n\nLi", alone)
    for profile in ("hk1-host", "hk1-cluster", "hk1-site"):
        members = LicenseRequest(KEY, profile=profile).to_dict()
        text = "\n".join(phonecode.lines(KEY, profile))
        yield case(f"{profile}", text, f"request {dumps(members)}")
    yield case("hyphens", "-".join(groups), alone)
    yield case("without-gaps", "".join(groups), alone)
    yield case("in-threes", _in("".join(groups), 3), alone)
    yield case("digit-by-digit", " ".join("".join(groups)), alone)
    yield case("on-two-lines", _in("".join(groups), 40, "\n"), alone)
    numbered = "; ".join(f"{at}: {group}" for at, group in enumerate(groups, 1))
    yield case("numbered", numbered, alone)
    wide = code.translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)})
    yield case("full-width", wide.replace(" ", "\u3000"), alone)
    for name, numerals in (("", "〇一二三四五六七八九"), ("-spoken", "洞幺两三四五六拐八勾")):
        spoken = code.translate({ord(str(n)): sign for n, sign in enumerate(numerals)})
        yield case(f"chinese{name}", f"口述码：{spoken}", alone)
    typed = code.replace("0", "o").replace("1", "l")
    yield case("letters", typed, alone)
    yield case("behind-a-date", f"2026-11-30 {code}", alone)
    yield case("beside-its-line", f"{code}\n\n{LINE}", named)
    yield case("twice", f"{code}\n--\nagain:\n{code}", alone)
    other = "\n".join(phonecode.lines(KEY[::-1]))
    yield case("of-another-host", f"{code}\nand\n{other}", "refused request-ambiguous")
    one_run = f"{code}\n{other}"
    yield case("of-another-host-in-a-run", one_run, "refused request-ambiguous")
    yield case("beside-another-line", f"{other}\nand\n{LINE}", "refused request-ambiguous")
    digit = str((int(code[3]) + 1) % 10)
    yield case("wrong-digit", code[:3] + digit + code[4:], damaged)
    yield case("wrong-and-no-gaps", "".join(groups)[:20] + "0" + "".join(groups)[20:], damaged)
    at = next(at for at in range(5) if groups[2][at] != groups[2][at + 1])
    swapped = groups[2][:at] + groups[2][at + 1] + groups[2][at] + groups[2][at + 2 :]
    yield case("digits-exchanged", " ".join([*groups[:2], swapped, *groups[3:]]), damaged)
    exchanged = [*groups[:4], groups[5], groups[4], *groups[6:]]
    yield case("groups-exchanged", " ".join(exchanged), damaged)
    yield case("group-left-out", " ".join(groups[:5] + groups[6:]), damaged)
    yield case("group-twice", " ".join([*groups[:5], *groups[4:]]), damaged)
    yield case("digit-left-out", " ".join(groups)[1:], damaged)
    two = f"{(int(groups[0]) + 11):06d} {' '.join(groups[1:])}"
    yield case("fits-but-not-together", two, damaged)
    yield case("begun", " ".join(groups[:5]), damaged)
    yield case("begun-and-wrong", " ".join([*groups[:4], groups[6]]), REFUSED)
    many = "021 5528 1733, 021 5528 1734, 010 6622 1900, 020 3877 4455, 0755 8899 1234"
    yield case("telephone-numbers", many, REFUSED)
    yield case("numbers", "20261130 4500 12 1.50 88 199 20 1500 031245678", REFUSED)
    beside = f"{LINE}\ntel. {' '.join(groups)[1:]}"
    yield case("wrong-beside-a-line", beside, named)
