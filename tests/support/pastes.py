"""Pastes: what mail, chat, office programs and terminals make of a host key line."""

import html
import json
import quopri
import re
import textwrap
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from license_core import hostline

HEX = "0123456789abcdef"
_KEY = "(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])"
NAMES = ["studio2_gpu", "localhost", "gpu-01.example.com", "web", "node7", "工作站", "a", "x-1"]
_WORDS = ["Hello", "here", "is", "the line of", "our host", "please send", "thanks", "soon"]
_HANZI = ["您好，", "机器码如下：", "请签发许可证，谢谢！", "主机信息：", "王伟"]
_SIGNATURE = [
    "Wang Wei",
    "13800138000",
    "2026-11-29",
    "2026年11月29日",
    "Tel. +86 10 8888 6666",
    "4 GPUs",
]


class Paste(NamedTuple):
    """A text, and what is to be found in it."""

    text: str
    key: str | None
    """The key that is in it; None: no key may be found."""
    name: str | None = None
    profile: str = "hk1"
    sort: str = ""
    """What was done to it."""


def key_of(chance: Random) -> str:
    """A host key."""
    return f"{chance.getrandbits(160):040x}"


def name_of(chance: Random) -> str | None:
    """A hostname, as operators have them."""
    return chance.choice([*NAMES, None, f"{chance.getrandbits(48):012x}"])


# What people send: the line as it was printed, most of them, or as they typed it.


def _printed(chance: Random, key: str, name: str | None, profile: str) -> str:
    return hostline.write(key, name, profile, check=chance.random() < 0.3)


def _as_json(chance: Random, key: str, name: str | None, profile: str) -> str:
    members = {"host_key": key, "hostname": name, "profile": profile}
    if chance.random() < 0.3:
        members["check"] = hostline.check_element(key, name, profile)
    return json.dumps(members | {"notices": []}, indent=chance.choice([None, 1]))


def _as_python(chance: Random, key: str, name: str | None, profile: str) -> str:
    return repr([key, name or "", *([profile] if profile != "hk1" else [])])


def _typed(chance: Random, key: str, name: str | None, profile: str) -> str:
    between = chance.choice([" ", ", ", "，", "  ", "\t", "; ", "\n"])
    return _with_profile(key + between + name, profile) if name else key


def _with_profile(text: str, profile: str) -> str:
    return f'{text}, "{profile}"' if profile != "hk1" else text


def _labelled(chance: Random, key: str, name: str | None, profile: str) -> str:
    label, other = chance.choice(
        [
            ("Host key: ", "Hostname: "),
            ("host key=", "hostname="),
            ("机器码：", "主机名："),
            ("机器码", "主机名："),
        ]
    )
    return _with_profile(f"{label}{key}\n{other}{name}", profile) if name else f"{label}{key}"


def _in_groups(chance: Random, key: str, name: str | None, profile: str) -> str:
    size = chance.choice([4, 5, 8, 10])
    return " ".join(key[at : at + size] for at in range(0, 40, size))


_FORMS: tuple[Callable[[Random, str, str | None, str], str], ...] = (
    *[_printed] * 12,
    *[_typed] * 3,
    _as_json,
    _as_python,
    _labelled,
)

# Where it stands.


def words(chance: Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(_HANZI)
    return " ".join(chance.choices(_WORDS, k=chance.randrange(1, 9)))


def _mail(chance: Random, line: str) -> str:
    before = [words(chance) + chance.choice([":", ",", ".", ""])] * (chance.random() < 0.7)
    after = [words(chance), "-- ", *chance.sample(_SIGNATURE, 3)] * (chance.random() < 0.6)
    gap = chance.choice(["\n", "\n\n"])
    return gap.join([*before, line, *after]) + "\n"


def _in_a_sentence(chance: Random, line: str) -> str:
    return f"{words(chance)} {line}" + chance.choice([".", "。", " " + words(chance), ""])


def _message(chance: Random, line: str) -> str:
    prefix = chance.choice(
        [
            "[10:32] Wang Wei: ",
            "王伟 10:32\n",
            "2026/11/29 10:32:45 王伟\n",
            "<wang> ",
            "@support ",
            "Wang Wei  10:32 AM\n",
            "[2026-11-29 10:32] ",
            "- ",
            "• ",
            "1. ",
            "/ ",
        ]
    )
    return prefix + line


def _terminal(chance: Random, line: str) -> str:
    prompt = chance.choice(
        ["root@4f53cda18c2b:/opt/app# ", "$ ", "[root@gpu ~]# ", "(base) # ", "% "]
    )
    command = f"{prompt}python cmd/cli.py get_host_key"
    return f"{command}\n{line}\n{prompt}" + chance.choice(["", "exit\n"])


def _alone(chance: Random, line: str) -> str:
    return line + chance.choice(["", "\n", " ", "\r\n"])


PLACES: dict[str, Callable[[Random, str], str]] = {
    "mail": _mail,
    "sentence": _in_a_sentence,
    "message": _message,
    "terminal": _terminal,
    "alone": _alone,
}

# What programs do to a text.


def _wrapped(chance: Random, text: str) -> str:
    """Long lines broken at any character, as terminals and narrow columns do."""
    width = chance.randrange(18, 78)
    end = chance.choice(["\n", "\r\n", " \n", "\n  "])
    return "\n".join(
        end.join(row[at : at + width] for at in range(0, max(1, len(row)), width))
        for row in text.split("\n")
    )


def _wrapped_at_words(chance: Random, text: str) -> str:
    width = chance.randrange(24, 76)
    return "\n".join(textwrap.fill(row, width, break_on_hyphens=False) for row in text.split("\n"))


def _flowed(chance: Random, text: str) -> str:
    """RFC 3676: a soft break is a space at the end of a line."""
    rows = [" \n".join(textwrap.wrap(row, 66) or [""]) for row in text.split("\n")]
    return "\n".join(f" {row}" if row.startswith((" ", ">", "From ")) else row for row in rows)


def _quoted(chance: Random, text: str) -> str:
    mark = chance.choice(
        ["> ", ">", ">> ", "> > ", "| ", "» ", ": ", "# ", "* ", "＞ ", "  ", "\t", "+", "% "]
    )
    return "".join(f"{mark}{row}\n" for row in text.splitlines())


def _quoted_printable(chance: Random, text: str) -> str:
    data = quopri.encodestring(text.encode(), quotetabs=chance.random() < 0.3).decode()
    if chance.random() < 0.4:
        data = data.replace('"', "=22")
    return data.replace("\n", "\r\n") if chance.random() < 0.5 else data


def _html(chance: Random, text: str) -> str:
    body = html.escape(text, quote=chance.random() < 0.8)
    if chance.random() < 0.4:
        body = body.replace(" ", chance.choice(["&nbsp;", "&#160;", "&#xA0;"]))
    body = body.replace("\n", chance.choice(["<br>", "<br/>\n", "</p>\n<p>", "</div><div>"]))
    if chance.random() < 0.3:
        body = re.sub(_KEY, lambda key: f"<b>{key[0]}</b>", body)
    if chance.random() < 0.2:
        body = re.sub(_KEY, lambda key: f"{key[0][:20]}<wbr>{key[0][20:]}", body)
    return chance.choice(["{}", "<p>{}</p>", "<html><body><div>{}</div></body></html>"]).format(
        body
    )


def _in_cells(chance: Random, text: str) -> str:
    found = re.fullmatch(r'\["(\w{40})", "([^"]+)"\]\s*', text)
    if found is None:
        return text
    return chance.choice(
        [
            "<tr><td>{}</td><td>{}</td></tr>",
            "{}\t{}\n",
            "| {} | {} |",
            "{},{}\n",
            '"{}";"{}"',
            "{}\t{}\t4\n",
        ]
    ).format(*found.groups())


def _url(chance: Random, text: str) -> str:
    return re.sub(r'[\[\]", ]', lambda sign: f"%{ord(sign[0]):02X}", text)


def _smart_quotes(chance: Random, text: str) -> str:
    pair = chance.choice(["“”", "„“", "«»", "‘’", "「」", "＂＂", "″″", "''", "``"])
    marks = iter(pair * (text.count('"') + 2))
    return re.sub('"', lambda _: next(marks), text)


def _bold(chance: Random, text: str) -> str:
    mark = chance.choice(["*", "**", "`", "```", "~~", "_", "__"])
    whole = chance.random() < 0.5
    if whole:
        return f"{mark}{text.strip()}{mark}"
    return re.sub(_KEY, lambda key: f"{mark}{key[0]}{mark}", text)


def _full_width(chance: Random, text: str) -> str:
    which = chance.choice(["[0-9]", "[0-9A-Za-z]", r'[\[\]",]', "[!-~]"])
    return re.sub(which, lambda sign: chr(ord(sign[0]) + 0xFEE0), text)


def _odd_blanks(chance: Random, text: str) -> str:
    return text.replace(" ", chance.choice("\u00a0\u2003\u2009\u202f\u3000"))


def _autocorrected(chance: Random, text: str) -> str:
    text = text.replace("-", "–") if chance.random() < 0.3 else text
    return re.sub(r"(?m)^[a-z]", lambda letter: letter[0].upper(), text)


def _in_capitals(chance: Random, text: str) -> str:
    return text.upper()


def _unseen(chance: Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    return (
        text[:at]
        + chance.choice("\u200b\ufeff\u00ad\u2060\u200e\u202a\ufe0f\ufffc\u061c")
        + text[at:]
    )


def _coloured(chance: Random, text: str) -> str:
    esc = chance.choice(["\x1b", "^[", ""])
    text = re.sub(_KEY, lambda key: f"{esc}[01;31m{key[0]}{esc}[0m", text)
    return f"{esc}[1;32m{text}{esc}[0m"


def _in_a_pane(chance: Random, text: str) -> str:
    width = chance.randrange(30, 60)
    rows = [
        row[at : at + width] for row in text.split("\n") for at in range(0, len(row) or 1, width)
    ]
    return "\n".join(f"│{row:<{width}}│" for row in rows)


def _escaped(chance: Random, text: str) -> str:
    return json.dumps({"text": text}, ensure_ascii=False)


def _csv(chance: Random, text: str) -> str:
    return '"' + text.strip().replace('"', '""') + '"\r\n'


def _carriage_returns(chance: Random, text: str) -> str:
    return text.replace("\n", chance.choice(["\r\n", "\r", "\u2028", "\r\r\n"]))


def _doubled_lines(chance: Random, text: str) -> str:
    return text.replace("\n", "\n\n")


def _trimmed(chance: Random, text: str) -> str:
    """Without the first or last sign, which a mouse missed."""
    return text.strip().lstrip("[") if chance.random() < 0.5 else text.strip().rstrip("]")


def _without_quotes(chance: Random, text: str) -> str:
    return text.replace('"', "")


def _twice(chance: Random, text: str) -> str:
    return text + "\n" + "".join(f"> {row}\n" for row in text.splitlines())


_DAMAGES: dict[str, Callable[[Random, str], str]] = {
    "wrapped": _wrapped,
    "wrapped at words": _wrapped_at_words,
    "flowed": _flowed,
    "quoted": _quoted,
    "quoted-printable": _quoted_printable,
    "HTML": _html,
    "cells": _in_cells,
    "URL": _url,
    "smart quotes": _smart_quotes,
    "bold": _bold,
    "full width": _full_width,
    "odd blanks": _odd_blanks,
    "autocorrected": _autocorrected,
    "capitals": _in_capitals,
    "unseen": _unseen,
    "coloured": _coloured,
    "pane": _in_a_pane,
    "escaped": _escaped,
    "CSV": _csv,
    "carriage returns": _carriage_returns,
    "doubled lines": _doubled_lines,
    "trimmed": _trimmed,
    "without quotes": _without_quotes,
    "twice": _twice,
    "none": lambda _, text: text,
}


def honest(chance: Random) -> Paste:
    """A line as somebody's programs left it: in a place, with one damage or two."""
    key, name = key_of(chance), name_of(chance)
    profile = chance.choice(["hk1"] * 4 + ["hk1-host"])
    form = chance.choice(_FORMS)
    if form not in (_printed, _as_json) and name is None:
        profile = "hk1"  # a profile without a name is nothing that people type
    text = form(chance, key, name, profile)
    sorts = [form.__name__.strip("_")]
    before = chance.choice(list(_DAMAGES)) if chance.random() < 0.5 else "none"
    place = chance.choice(list(PLACES))
    after = chance.choice(list(_DAMAGES))
    text = _DAMAGES[before](chance, text)
    text = PLACES[place](chance, text)
    text = _DAMAGES[after](chance, text)
    return Paste(text, key, name, profile, " · ".join([*sorts, before, place, after]))
