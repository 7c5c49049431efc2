"""Writes the characters that the static client reads as others: native/license/characters.go.

Go's standard library knows neither compatible characters (NFKC) nor the code pages of China, Taiwan
and Japan. Of both what could be of a file is written down, from the tables of Python:
``python -m tests.support.native_words`` writes it with the words.
"""

from collections.abc import Iterator

from license_core import mending

PAGES = {"gb18030": "GB18030", "big5": "Big5", "shift_jis": "ShiftJIS"}
_LEADS = range(0x81, 0xFF)
_TRAILS = range(0x40, 0xFF)
_OF_FOUR_BYTES = 39_420
"""So many of them are of the basic plane."""


def lines() -> Iterator[str]:
    """The tables in Go."""
    yield "\n// compatible are runs of characters that Unicode writes with others (NFKC), which"
    yield "// could be of a file: the first stands for text; of several, each for the one that"
    yield "// follows that of the one before."
    yield "var compatible = [...]compatibleRun{"
    for first, last, text in _runs():
        yield f"\t{{{first:#x}, {last:#x}, {_quoted(text)}}},"
    yield "}\n"
    for page, name in PAGES.items():
        pairs = {
            lead << 8 | trail: _decoded(bytes((lead, trail)), page)
            for lead in _LEADS
            for trail in _TRAILS
        }
        yield f"// in{name} are the characters of two bytes that could be of a file."
        yield f"var in{name} = map[uint16]rune{{"
        for pair, one in pairs.items():
            if len(one) == 1 and mending.signs(one) == one:
                yield f"\t{pair:#x}: {ord(one):#x},"
        yield "}\n"
        yield f"// pairsOf{name} are the first and the last of two bytes that are a character."
        yield f"var pairsOf{name} = [...][2]uint16{{"
        runs = _consecutive([pair for pair, one in pairs.items() if len(one) == 1])
        yield from (f"\t{{{first:#x}, {last:#x}}}," for first, last in runs)
        yield "}\n"
    yield "// ofFourBytes are runs of characters by their number in GB 18030."
    yield "var ofFourBytes = [...]numberedRun{"
    for first, last, code in _numbered():
        yield f"\t{{{first}, {last}, {code:#x}}},"
    yield "}\n"
    upper = bytes(range(0x80, 0x100)).decode("mac_roman")
    yield "// macintosh are the characters of Mac OS Roman from 0x80 on."
    yield f"var macintosh = []rune({_quoted(upper)})"


def _decoded(data: bytes, page: str) -> str:
    try:
        return data.decode(page)
    except UnicodeDecodeError:
        return ""


def _runs() -> Iterator[tuple[int, int, str]]:
    run: tuple[int, int, str] | None = None
    for code in (*range(0x80, 0xD800), *range(0xE000, 0x110000)):
        text = mending.compatible(chr(code))
        if text == chr(code):
            continue
        if run is not None:
            first, last, began = run
            follows = len(began) == len(text) == 1 and ord(text) - ord(began) == code - first
            if code == last + 1 and follows:
                run = (first, code, began)
                continue
            yield run
        run = (code, code, text)
    assert run is not None
    yield run


def _consecutive(codes: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of *codes* without a gap."""
    first = codes[0]
    for code, following in zip(codes, [*codes[1:], 0], strict=True):
        if following != code + 1:
            yield first, code
            first = following


def _numbered() -> Iterator[tuple[int, int, int]]:
    run: tuple[int, int, int] | None = None
    for number in range(_OF_FOUR_BYTES):
        rest, fourth = divmod(number, 10)
        rest, third = divmod(rest, 126)
        first, second = divmod(rest, 10)
        one = _decoded(bytes((first + 0x81, second + 0x30, third + 0x81, fourth + 0x30)), "gb18030")
        if len(one) != 1:
            continue
        if run is not None:
            if number == run[1] + 1 and ord(one) - run[2] == number - run[0]:
                run = (run[0], number, run[2])
                continue
            yield run
        run = (number, number, ord(one))
    assert run is not None
    yield run


def _quoted(text: str) -> str:
    return (
        '"'
        + "".join(
            f"\\U{ord(one):08x}" if one in '"\\' or not " " <= one <= "~" else one for one in text
        )
        + '"'
    )
