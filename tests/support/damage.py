"""Honest damage to characters, lines and markers: what real programs make of a licence file.

Each sort is named for the program or habit that does it, and loses nothing. ``damaged_files`` has
the sorts that wrap a whole file, and those that lose something.
"""

import html
import re
import textwrap
import unicodedata
from collections.abc import Callable

Sort = Callable[[str], str]
SORTS: dict[str, Sort] = {}
DASHED = "\u2010\u2011\u2012\u2212\ufe63\uff0d"


def _sort(name: str) -> Callable[[Sort], Sort]:
    def put(sort: Sort) -> Sort:
        assert name not in SORTS, name
        SORTS[name] = sort
        return sort

    return put


def _add(**sorts: Sort) -> None:
    for name, sort in sorts.items():
        _sort(name.replace("_", " "))(sort)


def _lines(change: Callable[[str], str]) -> Sort:
    """A sort that does the same to each line."""
    return lambda text: "".join(f"{change(line)}\n" for line in text.splitlines())


def _numbered(change: Callable[[int, str], str]) -> Sort:
    return lambda text: "".join(f"{change(*one)}\n" for one in enumerate(text.splitlines(), 1))


def _around(before: str, after: str = "") -> Sort:
    return lambda text: before + text + after


def _markers(change: Callable[[str], str]) -> Sort:
    return lambda text: re.sub(
        r"-----(?:BEGIN|END) LICENSE[ A-Z]*-----", lambda found: change(found[0]), text
    )


def _in_tokens(change: Callable[[str], str]) -> Sort:
    """A sort that changes what stands between markers, but not the markers."""
    return lambda text: "".join(
        line if line.startswith("-----") else change(line) for line in text.splitlines(True)
    )


def _wide(text: str, kept: str = "") -> str:
    return "".join(
        chr(ord(one) + 0xFEE0) if "!" <= one <= "~" and one not in kept else one for one in text
    )


# Quote marks, bullets, comments: mail programs, chats, editors, diffs.
for _name, _mark in {
    "mail": "> ",
    "mail without blank": ">",
    "mail twice": ">> ",
    "mail twice with blanks": "> > ",
    "bar": "| ",
    "guillemet": "\u00bb ",
    "full-width mark": "\uff1e ",
    "colon": ": ",
    "number sign": "# ",
    "asterisk": "* ",
    "percent sign": "% ",
    "slashes": "// ",
    "semicolon": "; ",
    "SQL comment": "-- ",
    "batch comment": "REM ",
    "Fortran comment": "C ",
    "added in a diff": "+",
    "taken away in a diff": "-",
    "context of a diff": " ",
    "bullet": "\u2022 ",
    "hyphen as a bullet": "- ",
    "en dash as a bullet": "\u2013 ",
    "middle dot": "\u00b7 ",
    "square bullet": "\u25aa ",
    "box of a terminal": "\u2502 ",
    "initials": "AB> ",
    "name and mark": "bob> ",
    "name of IRC": "<bob> ",
    "time and name of IRC": "[10:22] <bob> ",
    "name and colon": "Bob: ",
    "Chinese name and colon": "\u5f20\u4f1f\uff1a",
    "time of WhatsApp": "[29.11.26, 10:22:31] Bob: ",
    "time of WhatsApp in the US": "11/29/26, 10:22 AM - Bob: ",
    "log of Docker Compose": "app-1  | ",
    "log of Kubernetes": "2026-11-29T10:22:31.123456789Z stdout F ",
    "log of syslog": "Nov 29 10:22:31 host1 app[123]: ",
    "level of a log": "INFO  app.main - ",
    "prompt": "$ ",
    "prompt of Python": ">>> ",
    "prompt of MySQL": "    -> ",
    "name of a file by grep": "license.dat:",
    "four spaces": "    ",
    "tab": "\t",
    "non-breaking spaces": "\u00a0\u00a0",
    "ideographic space": "\u3000",
    "braille blanks": "\u2800\u2800",
    "Hangul fillers": "\u3164",
}.items():
    _sort(f"before each line: {_name}")(_lines(lambda line, mark=_mark: mark + line))  # type: ignore[misc]
for _name, _form in {
    "of cat -n": "{n:6}\t{line}",
    "of an editor": "{n:3} {line}",
    "with a colon": "{n}: {line}",
    "of grep -n": "{n}:{line}",
    "of grep -Hn": "license.dat:{n}:{line}",
    "with a bar": "{n:4} | {line}",
    "of a list": "{n}. {line}",
    "of a list with brackets": "({n}) {line}",
    "of a sheet": "{n}\t{line}\t",
    "of a table": "| {n} | {line} |",
    "of BASIC": "{n}0 REM {line}",
    "and times of a chat": "[10:{n:02}:31] Bob: {line}",
}.items():
    _sort(f"numbers {_name}")(
        _numbered(lambda n, line, form=_form: form.format(n=n, line=line))  # type: ignore[misc]
    )
for _name, _mark in {
    "blanks": "   ",
    "backslash": "\\",
    "caret of a batch file": " ^",
    "backtick of PowerShell": " `",
    "dollar of cat -E": "$",
    "dollar of cat -A": "^M$",
    "pilcrow of an editor": "\u00b6",
    "arrow of an editor": "\u21b5",
    "br of HTML": "<br>",
    "br of XHTML": "<br />",
    "two blanks of Markdown": "  ",
    "comma": ",",
    "semicolon": ";",
    "bar": " |",
    "CHR(10) of SQL": " || CHR(10) ||",
    "vbCrLf": '" & vbCrLf & _',
    "emoji selector": "\ufe0f",
}.items():
    _sort(f"after each line: {_name}")(_lines(lambda line, mark=_mark: line + mark))  # type: ignore[misc]

# Line breaks and wrapping.
for _name, _break in {
    "CRLF": "\r\n",
    "CR": "\r",
    "CRCRLF of FTP": "\r\r\n",
    "LFCR": "\n\r",
    "U+2028": "\u2028",
    "U+2029": "\u2029",
    "NEL": "\u0085",
    "vertical tab of Word": "\x0b",
    "form feed": "\x0c\n",
    "blank lines": "\n\n",
    "three blank lines": "\n\n\n\n",
    "none but blanks": " ",
    "two blanks": "  ",
    "tabs": "\t",
    "\\n": "\\n",
    "\\r\\n": "\\r\\n",
    "\\\\n": "\\\\n",
    "\\n of PowerShell": "`n",
    "\\n and a new line": "\\n\n",
    "\\n, backslash, new line": "\\n\\\n",
    "%0A": "%0A",
    "%0D%0A": "%0D%0A",
    "&#10;": "&#10;",
    "&#xD;": "&#xD;\n",
    "_x000D_ of Excel": "_x000D_\n",
    "=0A": "=0A=\n",
}.items():
    _sort(f"line breaks: {_name}")(lambda text, br=_break: text.replace("\n", br))  # type: ignore[misc]
for _width in (20, 33, 40, 50, 60, 63, 65, 70, 72, 76, 80, 100, 132):
    _sort(f"wrapped at {_width} after joining")(
        lambda text, width=_width: "\n".join(  # type: ignore[misc]
            textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)
        )
    )
for _width in (16, 24, 30, 40, 48, 60):
    _sort(f"lines cut at {_width}")(
        lambda text, width=_width: "".join(  # type: ignore[misc]
            f"{line[at : at + width]}\n"
            for line in text.splitlines()
            for at in range(0, max(len(line), 1), width)
        )
    )


@_sort("quoted and wrapped at 60")
def _quoted_and_wrapped(text: str) -> str:
    return "".join(f"{line[:60]}\n{line[60:]}\n" for line in _mailed(text).splitlines())


def _mailed(text: str) -> str:
    return "".join(f"> {line}\n" for line in text.splitlines())


@_sort("in groups of eight")
def _grouped(text: str) -> str:
    return str(_in_tokens(lambda line: " ".join(re.findall(r".{1,8}", line)) + "\n")(text))


# Characters that nobody sees, and colours.
for _name, _sign in {
    "soft hyphens": "\u00ad",
    "U+034F": "\u034f",
    "U+061C": "\u061c",
    "U+180E": "\u180e",
    "zero-width spaces": "\u200b",
    "zero-width joiners": "\u200d",
    "left-to-right marks": "\u200e",
    "right-to-left embedding": "\u202b",
    "word joiners": "\u2060",
    "isolates": "\u2068",
    "U+206A": "\u206a",
    "U+206F": "\u206f",
    "emoji selectors": "\ufe0f",
    "byte order marks": "\ufeff",
    "U+FFFC": "\ufffc",
    "zero bytes": "\0",
    "colours": "\x1b[0m",
    "colours as cat -v shows them": "^[[32m",
}.items():
    _sort(f"{_name} in the lines")(
        _lines(lambda line, sign=_sign: line[:30] + sign + line[30:] + sign)  # type: ignore[misc]
    )
for _name, _change in {
    "bold of nroff": lambda one: f"{one}\b{one}",
    "underlined by nroff": lambda one: f"_\b{one}",
    "bold and underlined by nroff": lambda one: f"_\b{one}\b{one}",
    "underlined by a typewriter": lambda one: f"{one}\b_",
    "bold of nroff as cat -v shows it": lambda one: f"{one}^H{one}",
    "bold of nroff as an editor shows it": lambda one: f"{one}\u2408{one}",
    "a colour for each character": lambda one: f"\x1b[38;5;{ord(one) % 7 + 150}m{one}",
}.items():
    _sort(_name)(lambda text, change=_change: re.sub(r"\S", lambda one: change(one[0]), text))  # type: ignore[misc]
_add(
    each_line_struck_twice_by_a_typewriter=_lines(lambda line: line + "\b" * len(line) + line),
    typed_with_corrections=_lines(lambda line: f"{line[:9]}x\b \b{line[9:]}y\b \b"),
)
for _name, _pair in {
    "colours": ("\x1b[1;32m", "\x1b[0m"),
    "isolates": ("\u2066", "\u2069"),
    "backticks": ("`", "`"),
    "asterisks": ("**", "**"),
    "quotes": ('"', '"'),
    "typographic quotes": ("\u201c", "\u201d"),
    "quotes and commas": ('    "', '",'),
    "quotes and plus": ('  "', '" +'),
    "quotes, \\n and plus": ('  "', '\\n" +'),
    "quotes and \\n": ('  "', '\\n"'),
    "echo": ("echo '", "' >> license.dat"),
    "b of Python": ("b'", "\\n'"),
    "bars": ("| ", " |"),
    "boxes": ("\u2502 ", " \u2502"),
    "cells of HTML": ("<tr><td>", "</td></tr>"),
    "paragraphs": ("<p>", "</p>"),
    "div": ("<div>", "</div>"),
    "li": ("<li>", "</li>"),
    "span": ('<span style="font-size:10pt">', "</span><br>"),
    "code": ("<code>", "</code><br>"),
    "u and wbr": ("<u></u>", "<wbr>"),
    "font of Outlook": ('<p class=MsoNormal><font face="Arial">', "<o:p></o:p></font></p>"),
}.items():
    _sort(f"each line in {_name}")(
        _lines(lambda line, pair=_pair: pair[0] + line + pair[1])  # type: ignore[misc]
    )

# Characters that stand for others: office programs, phones, input methods, PDF.
for _sign in DASHED:
    _sort(f"U+{ord(_sign):04X} for each hyphen")(
        lambda text, sign=_sign: text.replace("-", sign)  # type: ignore[misc]
    )
_add(
    en_dash_for_each_hyphen=lambda text: text.replace("-", "\u2013"),
    en_dash_for_each_hyphen_of_a_marker=_markers(lambda line: line.replace("-", "\u2013")),
    em_dash_for_two_hyphens=lambda text: text.replace("--", "\u2014"),
    en_dash_for_two_hyphens=lambda text: text.replace("--", "\u2013"),
    en_dash_for_two_and_em_dash_for_three=lambda text: text.replace("---", "\u2014").replace(
        "--", "\u2013"
    ),
    horizontal_bar_for_two_hyphens=lambda text: text.replace("--", "\u2015"),
    full_width=_wide,
    full_width_but_hyphens=lambda text: _wide(text, "-"),
    full_width_dots_and_underscores=lambda text: text.replace(".", "\uff0e").replace("_", "\uff3f"),
    full_width_digits=lambda text: re.sub(r"\d", lambda one: _wide(one[0]), text),
    full_width_capitals=lambda text: re.sub("[A-Z]", lambda one: _wide(one[0]), text),
    ligatures_of_a_PDF=lambda text: text.replace("ff", "\ufb00").replace("fi", "\ufb01"),
    mathematical_letters=lambda text: re.sub(
        "[A-Z]", lambda one: chr(0x1D670 + ord(one[0]) - 65), text
    ),
    decomposed=lambda text: unicodedata.normalize("NFD", text),
    hyphens_of_Markdown=lambda text: text.replace("-", "\\-"),
    underscores_of_Markdown=lambda text: text.replace("_", "\\_"),
    all_signs_of_Markdown=lambda text: re.sub(r"([-_.#*])", r"\\\1", text),
    hyphens_as_u002d=lambda text: text.replace("-", "\\u002d"),
    hyphens_as_x2d=lambda text: text.replace("-", "\\x2d"),
    hyphens_as_entities=lambda text: html.escape(text).replace("-", "&#45;"),
    hyphens_as_hexadecimal_entities=lambda text: html.escape(text).replace("-", "&#x2D;"),
    named_entities=lambda text: text.replace("_", "&lowbar;").replace(".", "&period;"),
    line_breaks_and_blanks_as_entities=lambda text: text.replace(" ", "&nbsp;").replace(
        "\n", "&NewLine;\n"
    ),
)

# Markers.
_add(
    markers_in_lower_case=_markers(str.lower),
    markers_in_title_case=_markers(str.title),
    markers_without_blanks=_markers(lambda line: line.replace(" ", "")),
    markers_with_two_blanks=_markers(lambda line: line.replace(" ", "  ")),
    markers_with_blanks_around=_markers(lambda line: f"----- {line.strip('-')} -----"),
    markers_with_non_breaking_blanks=_markers(lambda line: line.replace(" ", "\u00a0")),
    markers_with_underscores=_markers(lambda line: line.replace(" ", "_")),
    markers_with_six_dashes=_markers(lambda line: f"-{line}-"),
    markers_with_ten_dashes=_markers(lambda line: f"-----{line}-----"),
    markers_with_four_dashes=_markers(lambda line: line[1:-1]),
    markers_with_one_dash=_markers(lambda line: line[4:-4]),
    markers_without_dashes=_markers(lambda line: line.strip("-")),
    markers_with_dashes_before_alone=_markers(lambda line: line.rstrip("-")),
    markers_with_rules_of_Markdown=_markers(lambda line: f"---\n{line.strip('-')}\n---"),
    markers_in_bold=_markers(lambda line: f"**{line}**"),
    markers_as_headings=_markers(lambda line: f"## {line}"),
    markers_over_two_lines=_markers(lambda line: line.replace(" ", "\n", 1)),
    markers_in_Chinese=_markers(
        lambda line: line.replace("BEGIN LICENSE", "\u5f00\u59cb\u8bb8\u53ef\u8bc1").replace(
            "END LICENSE", "\u7ed3\u675f\u8bb8\u53ef\u8bc1"
        )
    ),
    markers_in_German=_markers(
        lambda line: line.replace("BEGIN", "ANFANG").replace("LICENSE", "LIZENZ")
    ),
    markers_in_British=_markers(lambda line: line.replace("LICENSE", "LICENCE")),
    markers_removed=_markers(lambda _: ""),
    BEGIN_removed=_markers(lambda line: "" if "BEGIN" in line else line),
    END_removed=_markers(lambda line: "" if "END" in line else line),
    last_line_not_copied=lambda text: re.sub(r"\n-----END LICENSE[ A-Z]*-----\s*\Z", "", text),
    first_marker_not_copied=lambda text: re.sub(
        r"(?m)^-----BEGIN LICENSE-----\n", "", text, count=1
    ),
    no_last_line_break=lambda text: text.rstrip("\n"),
    markers_at_the_ends_of_lines=lambda text: re.sub(r"\n(?=-----END)", "", text),
)
