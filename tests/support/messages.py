"""Every text of the client and every problem text of the desk, collected from the source."""

import ast
import errno
import functools
import inspect
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from click import core, exceptions, formatting, parser, types

from license_cli import (
    click_group,
    doctor_page,
    render,
    watch,
)
from license_cli.click_group import cli
from license_core import diagnosis, evidence
from license_core.notices import NOTICES
from license_core.problems import PROBLEMS
from license_core.remedies import REMEDIES
from license_server.http.problem_types import ROWS
from license_server.licenses import notices
from license_server.licenses.acts import ACTS
from license_server.permissions import PERMISSIONS

REPOSITORY = Path(__file__).resolve().parents[2]
CORE = REPOSITORY / "license_core"
_SPEAKERS = {"tr", "note"}


@functools.cache
def all_texts() -> tuple[str, ...]:
    """All texts, each once, in a stable order."""
    found = [
        *_of_tables(),
        *_of_page(),
        *_literals(),
        *_help(),
        *_of_click(),
        *_reasons(),
        *_system(),
    ]
    return tuple(dict.fromkeys(found))


def desk_texts() -> list[str]:
    """The problem texts of the desk: the whole table, and the words that fill it in."""
    found: list[str] = []
    for row in ROWS.values():
        found += (row.title, row.sentence, row.remedy)
    for remark in (NOTICES | notices.NOTICES).values():
        found += (remark.sentence, remark.remedy)
    for node in _nodes(CORE / "successor.py"):  # what a licence takes away
        found += _constants(_reason_of(node))
    found += (*PERMISSIONS.values(), *(act.words.verb for act in ACTS.values()), *_STATES)
    for path in _of_desk():
        for node in _nodes(path):
            found += _constants(_reason_of(node))
            if isinstance(node, ast.Call):
                found += _constants(k.value for k in node.keywords if k.arg == "what")
    return [text for text in dict.fromkeys(found) if text not in _CAUGHT]


_STATES = ("approved", "refused")  # what a proposal is that is decided
_CAUGHT = ("another form", "too long", "they are not an object of digests")  # said to nobody
_NOT_AT_THE_DESK = {
    *("api", "cli", "http", "app.py"),  # said to programs and to a shell
    *("operations", "settings.py", "signing/signers", "signing/issuer.py"),  # before it serves
    *("db", "licenses/issuing.py", "access/totp_seeds.py"),  # said to the log: problem_json.outward
    *("audit/checkpoints.py", "audit/verify.py"),  # faults, not refusals
    "catalog/names.py",
}


def _of_desk() -> list[Path]:
    """The modules of the server whose refusals the desk can show."""
    folder = REPOSITORY / "license_server"
    return [path for path in sorted(folder.rglob("*.py")) if _at_the_desk(path.relative_to(folder))]


def _at_the_desk(path: Path) -> bool:
    return _NOT_AT_THE_DESK.isdisjoint(map(str, (path, *path.parents)))


def _of_tables() -> Iterator[str]:
    for row in PROBLEMS.values():
        if not row.slug.startswith("request-"):  # only the vendor reads requests
            yield from (row.title, row.sentence, row.remedy)
    for remark in NOTICES.values():
        yield from (remark.sentence, remark.remedy)
    yield from REMEDIES.values()
    yield "unknown"


def _of_page() -> Iterator[str]:
    for table in (
        doctor_page._CLOCK,
        doctor_page._MET,
        doctor_page._PORT,
        doctor_page._MODES,
        diagnosis.LABELS,
    ):
        yield from table.values()
    yield from render._VERDICTS.values()
    yield from render._EVIDENCE.values()
    yield from (click_group.INSTALLED_CONF, click_group.INSTALLED_KEYS)
    yield from watch.STATES
    yield from watch._WHY_NOT.values()
    yield from (diagnosis.STABLE, diagnosis.REMADE, diagnosis.MAY_CHANGE, diagnosis.MISSING)
    yield from (evidence.RANDOM, "(not shown)")
    for node in _nodes(CORE / "diagnosis.py"):  # the reasons: the last text of each part
        if isinstance(node, ast.Call) and _name(node.func) == "Part":
            yield from _constants(node.args[3:4])
        if (
            isinstance(node, ast.Tuple)
            and len(node.elts) == 2
            and isinstance(node.elts[0], ast.Name)
        ):
            yield from _constants(node.elts[1:])
    for node in _nodes(CORE / "evidence.py"):
        if isinstance(node, ast.Call) and _name(node.func) == "Trait":
            last = node.args[4]
            yield from _constants(last.values if isinstance(last, ast.BoolOp) else [last])
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            yield from (text for text in _constants(node.value.elts[1:]) if text)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.IfExp):
            yield from _constants(getattr(node.value.body, "elts", [])[1:])


def _help() -> Iterator[str]:
    """What ``--help`` says of the client, its commands and their options."""
    context = click.Context(cli)
    for command in (cli, *(cli.get_command(context, name) for name in cli.list_commands(context))):
        assert command is not None
        assert command.help, command.name
        yield inspect.cleandoc(command.help)
        if command.short_help:
            yield command.short_help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, parameter.name
                yield parameter.help


def _of_click() -> Iterator[str]:
    """What click says itself, but for what only a defect of ours would let it say."""
    for module in (core, exceptions, types, formatting, parser):
        for node in _nodes(Path(str(module.__file__))):
            if isinstance(node, ast.Call) and _name(node.func) in ("_", "ngettext"):
                yield from (t for t in _constants(node.args[:2]) if not t.startswith(_NEVER_SAID))


_NEVER_SAID = (
    "DeprecationWarning",
    "deprecated",
    "Name '",
    "Boolean option",
    "Could not determine name",
    "No options defined",
    "Arguments take exactly",
    "Invalid start character",
    "Choice(",
    "Missing {param_type}",
    "Missing argument",
    "Missing option",
    "Missing parameter",
    "Choose from",
    "(dynamic)",
    "env var",
    "{value!r} does not match the format",
    "{value!r} is not a valid UUID",
    "{value!r} is not a valid boolean",
    "{name} {filename!r}",
    "Could not open file",
    "unknown error",
    "Error: ",
    "Try '",
    "Aborted",
    "Value must be an iterable",
    "{len_type} values",
    "Takes {nargs} values",
    "Argument {name!r} takes",
    "file",
    "directory",
    "path",
)


def _reasons() -> Iterator[str]:
    """Words inside a sentence: what a refusal is raised with, and what a fact ``reason`` says."""
    for path in _of_client():
        for node in _nodes(path):
            yield from _constants(_reason_of(node))


def unspoken(*, desk: bool = False) -> list[str]:
    """Where a reason is put together in a way that no catalogue could know: with an f-string.

    In the client's modules, or in those of which the *desk* shows what they refuse.
    """
    return [
        f"{path.name}:{reason.lineno}"
        for path in (_of_desk() if desk else _of_client())
        for node in _nodes(path)
        for reason in _reason_of(node)
        if isinstance(reason, ast.JoinedStr | ast.BinOp)
    ]


def _of_client() -> list[Path]:
    return [*sorted(CORE.glob("*.py")), *sorted((REPOSITORY / "license_cli").rglob("*.py"))]


def _reason_of(node: ast.AST) -> list[ast.expr]:
    """The words that *node* gives as a reason."""
    if isinstance(node, ast.Call) and _name(node.func) == "Reason":
        return node.args[:1]
    if isinstance(node, ast.Call) and _name(node.func) in _REFUSALS:
        last = node.args[-1:]
        return last + [k.value for k in node.keywords if k.arg in ("reason", "found")]
    if isinstance(node, ast.Call):
        return [k.value for k in node.keywords if k.arg in ("reason", "found")]
    if isinstance(node, ast.Assign) and [_name(t) for t in node.targets] in (["reason"], ["found"]):
        value = node.value
        return [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    if isinstance(node, ast.Return) and node.value is not None:
        return [node.value] if _is_words(node.value) else []
    return []


_REFUSALS = (
    "ValueError",
    "OSError",
    "ClaimError",
    "ArmorError",
    "UnsupportedError",
    "MalformedTokenError",
    "UnknownHeaderError",
    "WrongSignatureError",
    "_unchecked",
)


def _is_words(value: ast.expr) -> bool:
    """Whether a function returns a reason: words that begin as ours do."""
    return isinstance(value, ast.Constant) and str(value.value).startswith("it is ")


def _system() -> Iterator[str]:
    """Reasons given by the operating system for a file, and by Python's JSON parser."""
    yield from (os.strerror(number) for number in _ERRNOS)
    yield from _JSON


_ERRNOS = (
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EROFS),
    *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ELOOP, errno.ENAMETOOLONG, errno.EMFILE),
    *(errno.ENFILE, errno.EFBIG, errno.ENXIO, errno.EBUSY, errno.EXDEV, errno.EINVAL),
    *(errno.ESTALE, errno.ETXTBSY, errno.ENODEV, errno.ENOTEMPTY, errno.ENOMEM, errno.EEXIST),
)
_JSON = (
    "Expecting value",
    "Expecting ',' delimiter",
    "Expecting ':' delimiter",
    "Expecting property name enclosed in double quotes",
    "Unterminated string starting at",
    "Invalid control character at",
    "Invalid \\escape",
    "Invalid \\uXXXX escape",
    "Illegal trailing comma before end of object",
    "Illegal trailing comma before end of array",
)


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text("utf-8")))


def _constants(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _literals() -> Iterator[str]:
    for path in sorted((REPOSITORY / "license_cli").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in _SPEAKERS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield str(first.value)
            # A text that is named before it is said: text = "…"
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                names = [t.id for t in node.targets if isinstance(t, ast.Name)]
                if names == ["text"]:
                    yield str(node.value.value)
        if path.name == "show.py":
            yield from _keys_of_rows(tree)


def _keys_of_rows(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (str(k.value) for k in node.keys if isinstance(k, ast.Constant))


def _name(function: ast.expr) -> str:
    return getattr(function, "id", "") or getattr(function, "attr", "")


def untranslatable(texts: Iterable[str]) -> set[str]:
    """Texts without words to translate: names, marks, and commands."""
    return {text for text in texts if text.startswith("  ")} | {
        "{reason}",
        "{reason}.",
        "CPUs",
        "GPUs",
        "{claim}: {reason}",
        "{subject}: {told}",
        "; ",
        "{all_}; {one}",
    }
