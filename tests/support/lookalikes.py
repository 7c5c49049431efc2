"""Texts that look like a host key line and have no key, or a wrong one."""

from collections.abc import Callable
from random import Random

from license_core import hostline
from tests.support.pastes import HEX, NAMES, PLACES, Paste, key_of, words

_FACES = [
    "face",
    "cafe",
    "dead",
    "beef",
    "added",
    "faded",
    "decade",
    "deadbeef",
    "2026",
    "20261128",
]


def _grouped(chance: Random, digits: str) -> str:
    size = chance.choice([2, 4, 5, 8, 10, 16, 20, 32, 40])
    gap = chance.choice([" ", "  ", "\n", "\t", "\u00a0", " \n", "\n> ", "=\n", "<br>"])
    return gap.join(digits[at : at + size] for at in range(0, len(digits), size))


def _any_case(chance: Random, digits: str) -> str:
    return digits.upper() if chance.random() < 0.3 else digits


def _digest(chance: Random) -> Paste:
    """A SHA-256 or another long number, in groups or wrapped."""
    bits = chance.choice([128, 192, 224, 256, 256, 256, 384, 512])
    digits = _any_case(chance, f"{chance.getrandbits(bits):0{bits // 4}x}")
    head = chance.choice(
        ["", "", "sha256:", "SHA-256: ", "checksum ", "file.iso  ", "校验码：", '"']
    )
    if chance.random() < 0.6:
        text = head + _grouped(chance, digits)
    else:
        width = chance.choice([chance.randrange(8, 100), 40, 40 + len(head), 80])
        gap = chance.choice(["\n", "\r\n", " \n", "\n> ", "=\r\n", " "])
        text = head + digits
        text = gap.join(text[at : at + width] for at in range(0, len(text), width))
    tail = chance.choice(["", "\n", "  file.iso\n", '"', ", studio2_gpu", "\n" + words(chance)])
    return Paste(text + tail, None, sort=f"digest of {bits}")


def _fingerprint(chance: Random) -> Paste:
    """Of a PGP key."""
    digits = key_of(chance).upper()
    halves = [
        " ".join(digits[at : at + 4] for at in range(start, start + 20, 4)) for start in (0, 20)
    ]
    middle = chance.choice(["  ", "  ", " ", "\n", "\u00a0 ", " &nbsp;"])
    head = chance.choice(["", "Key fingerprint = ", "PGP: ", "      "])
    return Paste(
        head + middle.join(halves) + chance.choice(["", "\n", " Wang Wei"]), None, sort="PGP"
    )


def _number(chance: Random, size: int) -> str:
    kinds = (
        lambda: "".join(chance.choices("0123456789", k=size)),
        lambda: "".join(chance.choices(HEX, k=size)),
        lambda: "".join(chance.choices("abcdef", k=size)),
        lambda: next((word for word in _FACES if len(word) == size), "1" * size),
        lambda: chance.choice(
            ["2026-11-28", "2026-11-29 10:32", "11:32", "+86 138", "10.0.0.5", "7/2"]
        ),
        lambda: f"{chance.getrandbits(4 * (size // 2)):x} {chance.getrandbits(4 * (size // 2)):x}",
    )
    return chance.choice(kinds)()


def _cut_off(chance: Random) -> Paste:
    """A key that lost digits, beside something that could complete it."""
    lost = chance.randrange(1, 25)
    key = _any_case(chance, key_of(chance))
    head = chance.random() < 0.3
    rest = key[lost:] if head else key[:-lost]
    other = _number(chance, lost)
    gap = chance.choice(
        [" ", "\n", "\r\n", "  ", "\t", "\u00a0", "\n> ", " \n", "=\n", "|", "\n\n", ", "]
    )
    text = f"{other}{gap}{rest}" if head else f"{rest}{gap}{other}"
    wrapped = chance.choice(
        [
            "{}",
            "{}",
            '["{}',
            "Host key: {}",
            "{}, studio2_gpu",
            '{}", "studio2_gpu"]',
            "{}\n13800138000",
        ]
    )
    return Paste(wrapped.format(text), None, sort="cut off")


def _one_digit(chance: Random) -> Paste:
    """A line whose key lost a digit, or has one twice."""
    key, at = key_of(chance), chance.randrange(40)
    wrong = key[:at] + key[at + 1 :] if chance.random() < 0.5 else key[:at] + key[at] + key[at:]
    return Paste(_printed_or_typed(chance, wrong), None, sort="39 or 41 digits")


def _printed_or_typed(chance: Random, digits: str) -> str:
    place = chance.choice(list(PLACES.values()))
    return place(chance, chance.choice([f'["{digits}", "studio2_gpu"]', digits, f"{digits} node7"]))


def _numbers(chance: Random) -> Paste:
    """Telephone numbers, dates and the like that have 40 digits together."""
    size = chance.choice([4, 5, 8, 10, 20])
    numbers = ["".join(chance.choices("0123456789", k=size)) for _ in range(40 // size)]
    if chance.random() < 0.3:
        numbers = [chance.choice(["20261128", "20261129", "13800138"]) for _ in range(5)]
    return Paste(chance.choice([" ", "\n", "\t", "  "]).join(numbers), None, sort="numbers")


def _part_of_something(chance: Random) -> Paste:
    """40 digits within a longer word."""
    key = key_of(chance)
    text = chance.choice(
        [
            "https://example.com/commit/{}",
            "x{}",
            "{}x",
            "{}-dirty",
            "g-{}",
            "{}0",
            "0{}",
            "v1{}",
            "0x{}",
            "%22{}0",
        ]
    ).format(key)
    return Paste(text, None, sort="part of a word")


def _wrong_digit_with_check(chance: Random) -> Paste:
    """One character is another, or two neighbours are swapped, in a line with a check code."""
    key, name = key_of(chance), chance.choice(NAMES)
    line = hostline.write(key, name, chance.choice(["hk1", "hk1-host"]), check=True)
    places = (
        [2 + n for n in range(40)] if "\\" in line else [2 + n for n in range(40 + 4 + len(name))]
    )
    while True:
        at = chance.choice(places)
        if not line[at].isalnum():
            continue
        if chance.random() < 0.5:
            other = chance.choice(HEX if at < 42 else "abcdefghijklmnopqrstuvwxyz0123456789")
            changed = line[:at] + other + line[at + 1 :]
        elif line[at + 1].isalnum():
            changed = line[:at] + line[at + 1] + line[at] + line[at + 2 :]
        else:
            continue
        if changed != line:
            return Paste(changed, None, sort="wrong character, with a check")


_LOOKALIKES: tuple[Callable[[Random], Paste], ...] = (
    _digest,
    _digest,
    _fingerprint,
    _cut_off,
    _cut_off,
    _cut_off,
    _one_digit,
    _numbers,
    _part_of_something,
    _wrong_digit_with_check,
)


def lookalike(chance: Random) -> Paste:
    """A text without a key, or with a wrong one that has a check."""
    return chance.choice(_LOOKALIKES)(chance)
