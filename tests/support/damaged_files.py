"""Honest damage to whole files: mails, pages, values in other formats, encodings; and losses.

``TEXTS`` give a text and ``BYTES`` bytes; nothing is lost in either. In ``LOSSES`` a character of a
token is gone, so that nobody can undo them: they are to be refused, and named.
"""

import base64
import csv
import html
import io
import json
import quopri
import urllib.parse
from collections.abc import Callable
from email.message import EmailMessage

from tests.support.damage import SORTS, Sort

Encoding = Callable[[str], bytes]
_BASE64 = base64.b64encode
_WORDS = "Dear customer,\nplease find your licence below.\n\n"
_GREETING = "\n-- \nBob Example | Sales | +49 30 1234567\nThis message is confidential.\n"


def _quoted(text: str, mark: str = "> ") -> str:
    return "".join(f"{mark}{line}\n" for line in text.splitlines())


def _encoded(text: str) -> str:
    return _BASE64(text.encode()).decode()


def _mail(text: str, *, transfer: str = "7bit", attached: bool = False, page: bool = False) -> str:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = "Licence", "v@example.com", "o@example.com"
    if attached:
        made.set_content(_WORDS)
        made.add_attachment(text.encode(), "application", "octet-stream", filename="license.dat")
    elif page:
        made.set_content(_page(text), subtype="html", cte=transfer)
    else:
        transfer = "quoted-printable" if transfer == "7bit" and not text.isascii() else transfer
        made.set_content(text, cte=transfer)
    return made.as_bytes().decode("utf-8", "surrogateescape")


def _alternative(text: str) -> str:
    made = EmailMessage()
    made["Subject"] = "Licence"
    made.set_content(_WORDS + text, cte="quoted-printable")
    made.add_alternative(_page(text), subtype="html", cte="quoted-printable")
    return made.as_bytes().decode()


def _forwarded(text: str) -> str:
    inner = EmailMessage()
    inner["Subject"] = "Licence"
    inner.set_content(_WORDS)
    inner.add_attachment(text.encode(), "application", "octet-stream", filename="license.dat")
    outer = EmailMessage()
    outer["Subject"] = "Fwd: Licence"
    outer.set_content("See below.\n")
    outer.add_attachment(inner)
    return outer.as_bytes().decode()


def _page(text: str, br: str = "<br>\n") -> str:
    lines = br.join(html.escape(line) for line in text.splitlines())
    return f"<!DOCTYPE html><html><head><title>Licence</title></head><body>{lines}</body></html>"


def _pre(text: str) -> str:
    return f"<html><body><pre>{html.escape(text)}</pre></body></html>\n"


def _sheet(rows: list[list[str]], delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return stream.getvalue()


def _columns(text: str) -> list[list[str]]:
    return [[str(n), line, "ok"] for n, line in enumerate(text.splitlines(), 1)]


def _quoted_printable(text: str) -> str:
    return quopri.encodestring(text.encode(), quotetabs=False).decode()


def _clear_signed(text: str) -> str:
    """RFC 9580 section 7."""
    escaped = "".join(
        f"- {line}\n" if line.startswith("-") else f"{line}\n" for line in text.splitlines()
    )
    return (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{escaped}"
        "-----BEGIN PGP SIGNATURE-----\n\n"
        "iHUEARYKAB0WIQTAbCdEfGhIjKlMnOpQrStUvWxYzAUCaSrXGAAKCRDAbCdEfGhI\n"
        "=abcd\n-----END PGP SIGNATURE-----\n"
    )


def _folded(text: str) -> str:
    """YAML in double quotes, as PyYAML writes it: long lines are folded."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    pieces = [escaped[at : at + 80] for at in range(0, len(escaped), 80)]
    joined = pieces[0]
    for piece in pieces[1:]:
        # No escape is torn apart.
        joined += piece if joined.endswith("\\") else f"\\\n  {piece}"
    return f'license: "{joined}"\nnext: 1\n'


TEXTS: dict[str, Sort] = {
    # Mail.
    "words around it": lambda text: _WORDS + text + _GREETING,
    "words before and behind on the lines of the markers": lambda text: (
        "Here it is: " + text.rstrip("\n") + " Regards, Bob"
    ),
    "a reply above its quotation": lambda text: (
        "Thanks!\n\nOn Sun, 29 Nov 2026 at 10:22, Vendor wrote:\n" + _quoted(text)
    ),
    "a Chinese reply above its quotation": lambda text: (
        "收到，谢谢！\n\n在 2026年11月29日，厂商 写道：\n" + _quoted(text)
    ),
    "an original message of Outlook": lambda text: (
        "-----Original Message-----\nFrom: V\nSent: Sunday\nTo: O\nSubject: Licence\n\n" + text
    ),
    "a forwarded message of Gmail": lambda text: (
        "---------- Forwarded message ---------\nFrom: V <v@example.com>\n\n" + text
    ),
    "headers above it": lambda text: f"From: V\nTo: O\nSubject: Licence\n\n{text}",
    "headers in Chinese above it": lambda text: f"发件人：厂商\n主题：许可证\n\n{text}",
    "the same twice": lambda text: text + "\n" + text,
    "the same three times": lambda text: text * 3,
    "a mail and its quotation": lambda text: text + "\n\nBob wrote:\n" + _quoted(text),
    "a quotation twice as deep": lambda text: _quoted(text) + "\n" + _quoted(text, "> > "),
    "a mail and its page": lambda text: text + "\n\n" + _page(text),
    "clear-signed with PGP": _clear_signed,
    "clear-signed with PGP, and quoted": lambda text: _quoted(_clear_signed(text)),
    "a saved mail": _mail,
    "a saved mail in quoted-printable": lambda text: _mail(text, transfer="quoted-printable"),
    "a saved mail in base64": lambda text: _mail(text, transfer="base64"),
    "a saved mail with an attachment": lambda text: _mail(text, attached=True),
    "a saved mail with text and page": _alternative,
    "a saved mail with a page in base64": lambda text: _mail(text, page=True, transfer="base64"),
    "a saved mail with a page in quoted-printable": lambda text: _mail(
        text, page=True, transfer="quoted-printable"
    ),
    "a mail forwarded as an attachment": _forwarded,
    "an mbox": lambda text: (
        "From v@example.com Sun Nov 29 10:22:31 2026\n" + _mail(text, attached=True) + "\n"
    ),
    "a saved mail from Windows": lambda text: _mail(text, attached=True).replace("\n", "\r\n"),
    "the source of a mail, quoted": lambda text: _quoted(_mail(text, attached=True)),
    "a body in quoted-printable": _quoted_printable,
    "a body in quoted-printable, hyphens too": lambda text: _quoted_printable(text).replace(
        "-", "=2D"
    ),
    "a body in base64": lambda text: base64.encodebytes(text.encode()).decode(),
    "dots doubled by SMTP": lambda text: text.replace("\n.", "\n.."),
    "space-stuffed (format=flowed)": lambda text: text.replace("\n", " \n "),
    "links made of what looks like a host": lambda text: (
        "Mail bob@example.com<mailto:bob@example.com>\n" + text
    ),
    # Chats and trackers.
    "a block of code": lambda text: f"```\n{text}```\n",
    "a block of code with a language": lambda text: f"```text\n{text}```\n",
    "code of Jira": lambda text: f"{{code}}\n{text}{{code}}\n",
    "noformat of Jira": lambda text: f"{{noformat:title=license.dat}}\n{text}{{noformat}}\n",
    "code of BBCode": lambda text: f"[code]{text}[/code]\n",
    "code of reStructuredText": lambda text: f"Licence::\n\n{_quoted(text, '   ')}",
    "a name above it": lambda text: f"Bob  10:22 AM\n{text}",
    "a name above it in WeChat": lambda text: f"张伟 2026-11-29 10:22:31\n{text}",
    "a quotation of WeChat": lambda text: f"「Bob：{text}」\n- - - - - - - - - - - - - - -\nok\n",
    "a name before it in WhatsApp": lambda text: f"[29.11.26, 10:22:31] Bob: {text}",
    "a page": _page,
    "a page with paragraphs": lambda text: _page(text, "</p>\n<p>"),
    "a page with pre": _pre,
    "a page with blanks that do not break": lambda text: _page(text).replace(" ", "&nbsp;"),
    "a page with rows": lambda text: _page(text, "</td></tr>\n<tr><td>"),
    "escaped for HTML": html.escape,
    "escaped for HTML with numbers": lambda text: html.escape(text).replace("-", "&#45;"),
    "CDATA of XML": lambda text: f"<license><![CDATA[{text}]]></license>\n",
    "an attribute of XML": lambda text: f'<server license="{html.escape(text)}"/>\n'.replace(
        "\n", "&#xA;", text.count("\n")
    ),
    # Values in other files.
    "a string of JSON": json.dumps,
    "a member of JSON": lambda text: json.dumps({"a": 1, "b": [{"license": text}]}, indent=2),
    "JSON with escaped hyphens": lambda text: json.dumps({"license": text}).replace("-", "\\u002D"),
    "JSON in JSON": lambda text: json.dumps({"body": json.dumps({"license": text})}),
    "an array of lines in JSON": lambda text: json.dumps(text.splitlines(), indent=4),
    "a line of a log in JSON": lambda text: '{"level":"info"}\n' + json.dumps({"msg": text}) + "\n",
    "base64 in JSON": lambda text: json.dumps({"data": {"license.dat": _encoded(text)}}),
    "a string of Python": lambda text: f"{text!r}\n",
    "bytes of Python": lambda text: f"{text.encode()!r}\n",
    "a list of Python": lambda text: f"{text.splitlines()!r}\n",
    "a text in three quotes": lambda text: f'LICENSE = """\\\n{text}"""\n',
    "strings of Python": lambda text: (
        "LICENSE = (\n" + "".join(f"    {line!r}\n" for line in text.splitlines(True)) + ")\n"
    ),
    "a string of a shell": lambda text: f"export LICENSE='{text}'\n",
    "a string of bash with escapes": lambda text: (
        "LICENSE=$'" + text.replace("\\", "\\\\").replace("\n", "\\n") + "'\n"
    ),
    "a here-document": lambda text: f"cat > license.dat <<'EOF'\n{text}EOF\n",
    "a variable of .env": lambda text: 'LICENSE="' + text.replace("\n", "\\n") + '"\n',
    "a variable of Windows": lambda text: "set LICENSE=" + text.replace("\n", " ") + "\r\n",
    "a property of Java": lambda text: "license=" + text.replace("\n", "\\n\\\n    ") + "\n",
    "a line of a Dockerfile": lambda text: "ENV LICENSE " + text.replace("\n", "\\n\\\n") + "\n",
    "a block of YAML": lambda text: f"license: |\n{_quoted(text, '  ')}next: 1\n",
    "a folded block of YAML": lambda text: (
        "license: >-\n" + "".join(f"  {line}\n\n" for line in text.splitlines())
    ),
    "YAML in double quotes": lambda text: 'license: "' + text.replace("\n", "\\n") + '"\n',
    "YAML in double quotes, folded": _folded,
    "YAML in single quotes": lambda text: (
        "license: '" + text.replace("'", "''").replace("\n", "\n\n  ") + "'\n"
    ),
    "a ConfigMap": lambda text: (
        f"apiVersion: v1\nkind: ConfigMap\ndata:\n  license.dat: |\n{_quoted(text, '    ')}"
    ),
    "a Secret of Kubernetes": lambda text: f"kind: Secret\ndata:\n  l.dat: {_encoded(text)}\n",
    "a block of Terraform": lambda text: f"license = <<-EOT\n{_quoted(text, '  ')}EOT\n",
    "a text of TOML": lambda text: f"license = '''\n{text}'''\n",
    "an entry of LDIF": lambda text: (
        "dn: cn=licence\nlicense:: " + "\n ".join(_pieces(_encoded(text), 68)) + "\n"
    ),
    "a string of SQL": lambda text: f"INSERT INTO l VALUES (7, '{text}');\n",
    "lines of C": lambda text: (
        "".join(f'    "{line}\\n"\n' for line in text.splitlines()) + "    ;\n"
    ),
    "lines of Java": lambda text: (
        'String s = ""\n' + "".join(f'    + "{line}\\n"\n' for line in text.splitlines()) + ";\n"
    ),
    "a template of JavaScript": lambda text: f"const license = `{text}`;\n",
    "a cell of a sheet": lambda text: _sheet([["id", "licence", "note"], ["7", text, 'a "b"']]),
    "a cell between semicolons": lambda text: _sheet([["7", text, "x"]], ";"),
    "a cell between tabs": lambda text: _sheet([["7", text, "x"]], "\t"),
    "a formula of Excel": lambda text: _sheet([['="' + text + '"', "x"]]),
    "a column of a sheet": lambda text: _sheet(_columns(text)),
    "a column between semicolons": lambda text: _sheet(_columns(text), ";"),
    "a column with all cells in quotes": lambda text: _sheet(_columns(text), quoting=csv.QUOTE_ALL),
    "a table of Markdown": lambda text: (
        "| n | line |\n|---|---|\n"
        + "".join(f"| {n} | {line} |\n" for n, line in enumerate(text.splitlines(), 1))
    ),
    "a result of psql": lambda text: (
        " licence \n---------\n" + "".join(f" {line:<64} +\n" for line in text.splitlines())
    ),
    # Encodings into text.
    "base64": _encoded,
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 in lines of 64": lambda text: "\n".join(_pieces(_encoded(text), 64)) + "\n",
    "base64url without padding": lambda text: (
        base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    ),
    "base64 in quotes": lambda text: f'LICENSE_BASE64="{_encoded(text)}"\n',
    "base64 twice": lambda text: _encoded(_encoded(text)),
    "a certificate of base64": lambda text: (
        "-----BEGIN CERTIFICATE-----\n"
        + "\n".join(_pieces(_encoded(text), 64))
        + "\n-----END CERTIFICATE-----\n"
    ),
    "a data URL": lambda text: f"data:application/octet-stream;base64,{_encoded(text)}",
    "encoded for a URL": urllib.parse.quote,
    "encoded for a URL, hyphens too": lambda text: urllib.parse.quote(text).replace("-", "%2D"),
    "a form": lambda text: urllib.parse.urlencode({"csrf": "x", "license": text, "ok": "1"}),
    "a query": lambda text: "https://example.com/?license=" + urllib.parse.quote_plus(text),
    "a mailto": lambda text: "mailto:o@example.com?body=" + urllib.parse.quote(text),
}


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _mojibake(page: str) -> Sort:
    """UTF-8 that was read in another encoding: dashes and blanks of a word processor."""
    return lambda text: (
        ("\ufeff" + text.replace("-----", "\u2013" * 5).replace(" ", "\u00a0"))
        .encode()
        .decode(page, "replace")
    )


TEXTS |= {
    "UTF-8 read as Latin-1": _mojibake("latin-1"),
    "UTF-8 read as Windows-1252": lambda text: (
        ("\u00a0" + text.replace("--", "\u2013\u2013")).encode().decode("cp1252", "replace")
    ),
}
BYTES: dict[str, Encoding] = {
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 big-endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16 big-endian without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "Windows-1252 with its blanks": lambda text: text.replace(" ", "\u00a0").encode("cp1252"),
    "Windows-1252 with its dashes": lambda text: text.replace("-", "\u2013").encode("cp1252"),
    "GB 18030 with its hyphens and blanks": lambda text: (
        text.replace("-", "\uff0d").replace(" ", "\u3000").encode("gb18030")
    ),
    "GBK with words": lambda text: ("您好，许可证如下：\n" + text).encode("gb18030"),
    "Big5 with words": lambda text: ("您好，許可證如下：\n" + text).encode("big5"),
    "Shift JIS with words": lambda text: ("ライセンス：\n" + text).encode("shift_jis"),
    "a blank of the Macintosh": lambda text: text.replace(" ", "\u00a0").encode("mac_roman"),
    "the end of a file of DOS": lambda text: text.replace("\n", "\r\n").encode() + b"\x1a",
    "a sector of zeros": lambda text: text.encode() + bytes(4096),
    "an archive of tar": lambda text: _tar(text.encode()),
}


def _tar(data: bytes) -> bytes:
    import tarfile

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("license.dat")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


assert not SORTS.keys() & TEXTS.keys(), "a name stands twice"
SORTS_OF_TEXT: dict[str, Sort] = SORTS | TEXTS


def _in_second_line(change: Callable[[str], str]) -> Sort:
    """A sort that changes the second line of the first token."""

    def changed(text: str) -> str:
        lines = text.splitlines(True)
        at = next(n for n, line in enumerate(lines) if line.startswith("-----BEGIN")) + 2
        return "".join((*lines[:at], change(lines[at]), *lines[at + 1 :]))

    return changed


LOSSES: dict[str, Sort] = {
    "a character lost": _in_second_line(lambda line: line[:20] + line[21:]),
    "a character replaced": _in_second_line(lambda line: line[:20] + "\ufffd" + line[21:]),
    "a letter in the other case": _in_second_line(str.swapcase),
    "a line lost": _in_second_line(lambda _: ""),
    "a line twice": _in_second_line(lambda line: line * 2),
    "dots lost": lambda text: text.replace(".", ""),
    "hyphens lost": lambda text: text.replace("-", ""),
    "underscores taken for italics": lambda text: text.replace("_", ""),
    "all in capitals": str.upper,
    "all in lower case": str.lower,
    "lines cut off at 60": lambda text: "".join(f"{line[:60]}\n" for line in text.splitlines()),
    "the second half lost": lambda text: text[: len(text) // 2],
    "shortened by a log": lambda text: text[:300] + "... (truncated)",
    "words between the lines": _in_second_line(lambda line: f"{line[:30]}Page 2{line[30:]}"),
    "a letter typed behind it": lambda text: text.replace("\n-----END", "A\n-----END"),
    "hidden by a tracker": _in_second_line(lambda line: line[:8] + "***REDACTED***\n"),
}
