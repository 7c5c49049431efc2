"""Mails as programs and people write them, byte by byte: what `email` makes of them is not asked.

Each is made of a program's style, a language, an encoding, and what is in it and where; it knows
which hosts it names.
"""

import base64
import quopri
from collections.abc import Callable, Mapping
from html import escape
from random import Random
from typing import NamedTuple

from license_core import hostline
from license_core.request import LicenseRequest
from tests.support import tnef

HEX = "0123456789abcdef"
NAMES = (
    *("studio2_gpu", "gpu-node-07", "train01", "dl-worker.example.com", "a100x8", "hpc_login"),
    *("darwin-prod-1", "k8s-gpu-3", "nvidia4090", "ubuntu22-gpu"),
)
EN = (
    "Hello,\nplease send us a licence for the host below.",
    "Dear support team,\n\nour old container was removed. We need a new licence.",
    "Hi, we moved to a new machine today. Phone +86 138 0013 8000, ext. 4711.",
    "Good morning,\nthe licence expires next week. Order 4500123456 of 2026-11-03 covers it.",
)
ZH = (
    "您好，\n请为下面的主机签发许可证。",
    "技术支持您好：\n\n我们重新部署了容器，需要新的许可证，电话 13800138000。",
    "老师好，平台换了一台服务器，麻烦重新授权，合同号 HT-2026-0088。",
    "你好\n许可证下周到期，请续期，谢谢！",
)
END_EN = (
    "Kind regards\nWang Wei\nTel. 010-62781234",
    "Thanks,\n-- \nLi Lei | Example Ltd.",
    "Best,\nHan",
)
END_ZH = ("谢谢！\n王伟\n电话：010-62781234", "此致\n敬礼\n李雷", "发自我的iPhone")
VENDOR = '"Hostseal Support" <support@vendor.example>'


class Made(NamedTuple):
    """A mail, and what is in it."""

    name: str
    data: bytes
    hosts: Mapping[str, str | None]
    """From each host key to its hostname."""
    language: str


class Body(NamedTuple):
    """What somebody wants to say."""

    text: str
    language: str
    subject: str
    charset: str
    files: tuple[tuple[str, str, bytes], ...] = ()
    """Name, type and content of each attachment."""
    alt: str = ""
    """What stands for a picture."""
    earlier: str = ""
    """The text of the mail that is answered."""


def key_of(chance: Random) -> str:
    return "".join(chance.choices(HEX, k=40))


# Pieces of a mail


def word(text: str, charset: str) -> str:
    """An encoded word, or several: cut within characters, as programs do."""
    if text.isascii():
        return text
    data = text.encode(charset)
    pieces = [data[at : at + 33] for at in range(0, len(data), 33)]
    return "\r\n ".join(
        f"=?{charset}?B?{base64.b64encode(one).decode('ascii')}?=" for one in pieces
    )


def header(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("utf-8") + b"\r\n"


def encoded(text: str, charset: str, how: str) -> bytes:
    data = text.replace("\n", "\r\n").encode(charset, "xmlcharrefreplace")
    if how == "base64":
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    if how == "quoted-printable":
        return quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return data


def part(kind: str, charset: str, text: str, how: str, more: str = "") -> bytes:
    head = header(
        f'Content-Type: {kind}; charset="{charset}"{more}', f"Content-Transfer-Encoding: {how}"
    )
    return head + b"\r\n" + encoded(text, charset, how)


def attached(name: str, kind: str, data: bytes, style: str = "plain") -> bytes:
    if style == "word":
        named = f'name="{word(name, "gb18030")}"', f'filename="{word(name, "gb18030")}"'
    elif style == "rfc2231":
        quoted = "".join(f"%{byte:02X}" for byte in name.encode("utf-8"))
        half = len(quoted) // 6 * 3
        named = (
            f"name*=utf-8''{quoted}",
            f"filename*0*=utf-8''{quoted[:half]};\r\n filename*1*={quoted[half:]}",
        )
    else:
        named = f'name="{name}"', f'filename="{name}"'
    head = header(
        f"Content-Type: {kind};\r\n\t{named[0]}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: attachment;\r\n\t{named[1]}",
    )
    return head + b"\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")


def multipart(kind: str, boundary: str, *parts: bytes) -> bytes:
    mark = b"--" + boundary.encode("ascii")
    body = b"".join(mark + b"\r\n" + one + b"\r\n" for one in parts)
    head = header(f'Content-Type: multipart/{kind};\r\n\tboundary="{boundary}"')
    return (
        head + b"\r\nThis is a multi-part message in MIME format.\r\n\r\n" + body + mark + b"--\r\n"
    )


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def lines_as(tag: str, text: str) -> str:
    """A page with an element for each line."""
    return "".join(
        f"<{tag}>{escape(line) or '<br>'}</{tag.partition(' ')[0]}>" for line in text.split("\n")
    )


def mail(chance: Random, body: Body, content: bytes, *more: str) -> bytes:
    number = chance.getrandbits(64)
    answered = () if not body.earlier else (f"In-Reply-To: <{number ^ 1:x}@vendor.example>",)
    return (
        header(
            "Received: from mx.customer.example (mx.customer.example [192.0.2.7])",
            "\tby mail.vendor.example with ESMTPS; Mon, 30 Nov 2026 09:10:11 +0800",
            f"From: {word('王伟' if body.language == 'zh' else 'Wang Wei', body.charset)}"
            " <wang.wei@customer.example>",
            f"To: {VENDOR}",
            f"Subject: {word(body.subject, body.charset)}",
            "Date: Mon, 30 Nov 2026 09:10:11 +0800",
            f"Message-ID: <{number:016x}{key_of(chance)[:24]}@customer.example>",
            "MIME-Version: 1.0",
            *answered,
            *more,
        )
        + content
    )


def with_files(content: bytes, body: Body, boundary: str, style: str = "plain") -> bytes:
    if not body.files:
        return content
    return multipart("mixed", boundary, content, *(attached(*one, style) for one in body.files))


def picture(body: Body) -> str:
    return (
        f'<img width=400 src="cid:image001.png@01D" alt="{escape(body.alt)}">' if body.alt else ""
    )


# Programs


def outlook(chance: Random, body: Body) -> bytes:
    """Word makes its HTML: a span a run, quotes made typographic, its spelling marked."""
    shown = escape(body.text.replace('"', "\u201d"), quote=False)
    paragraphs = "".join(
        f"<p class=MsoNormal><span lang=EN-US>{line.replace('_', '_<span class=SpellE></span>')}"
        "<o:p></o:p></span></p>\n"
        for line in shown.split("\n")
    )
    earlier = ""
    if body.earlier:
        earlier = (
            "<div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal>"
            "<b>From:</b> support@vendor.example<br><b>Sent:</b> Friday, November 27<br></p></div>"
            + lines_as("p class=MsoNormal", body.earlier)
        )
    page = (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><!--[if !mso]><style>v\\:* '
        "{behavior:url(#default#VML);}</style><![endif]--><style><!-- p.MsoNormal {margin:0cm;} -->"
        '</style></head><body lang=ZH-CN link="#0563C1"><div class=WordSection1>'
        f"{paragraphs}{picture(body)}{earlier}</div></body></html>"
    )
    how = chance.choice(["quoted-printable", "base64"])
    plain = body.text + (f"\n\n-----Original Message-----\n{body.earlier}" if body.earlier else "")
    both = multipart(
        "alternative",
        "----=_NextPart_001_0001_01DC1234.5678ABCD",
        part("text/plain", body.charset, plain, how),
        part("text/html", body.charset, page, how),
    )
    return mail(
        chance,
        body,
        with_files(both, body, "----=_NextPart_000_0000_01DC1234.5678ABCD", "word"),
        "X-Mailer: Microsoft Outlook 16.0",
        "Thread-Index: AdxBq1Z0c2Vjb25kLWxpbmUtb2YtdGV4dA==",
        "Content-Language: zh-cn",
    )


def exchange(chance: Random, body: Body) -> bytes:
    """All in winmail.dat, with an empty text beside it."""
    text = body.text + (f"\n\nFrom: support\nSent: Friday\n{body.earlier}" if body.earlier else "")
    as_rtf = chance.random() < 0.6
    enclosed = tnef.write(text, as_rtf=as_rtf, files=[(name, data) for name, _, data in body.files])
    both = multipart(
        "mixed",
        "_000_TNEF_",
        part("text/plain", "us-ascii", "", "7bit"),
        attached("winmail.dat", "application/ms-tnef", enclosed),
    )
    return mail(chance, body, both, "X-MS-TNEF-Correlator: <1@customer.example>")


def foxmail(chance: Random, body: Body) -> bytes:
    earlier = f"<blockquote>{lines_as('div', body.earlier)}</blockquote>" if body.earlier else ""
    page = (
        '<html><head><meta http-equiv="content-type" content="text/html; charset=GB2312"><style>'
        "body { line-height: 1.5; }</style></head><body>\n<div><span></span><br></div>"
        f'{lines_as("div", body.text)}{picture(body)}<hr style="width: 210px;"><div>wang</div>'
        f"{earlier}</body></html>"
    )
    both = multipart(
        "alternative",
        "----=_002_NextPart717521428210_=----",
        part("text/plain", body.charset, body.text, "base64"),
        part("text/html", body.charset, page, "quoted-printable"),
    )
    return mail(
        chance,
        body,
        with_files(both, body, "----=_001_NextPart553253453453_=----", "word"),
        "X-Priority: 3",
        "X-Mailer: Foxmail 7.2.25.331[cn]",
    )


def qq_mail(chance: Random, body: Body) -> bytes:
    earlier = ""
    if body.earlier:
        earlier = (
            '<div style="font-size: 12px;">------------------&nbsp;原始邮件&nbsp;'
            '------------------</div><div style="background:#efefef;"><b>发件人:</b> support</div>'
            + lines_as("div", body.earlier)
        )
    shown = f"<div>{lines_as('div', body.text)}</div>{picture(body)}"
    page = f"{shown}<div><!--emptysign--></div>{earlier}"
    return mail(
        chance,
        body,
        with_files(
            multipart(
                "alternative",
                "----=_NextPart_6743A3F0_0B2C",
                part("text/plain", "utf-8", body.text, "base64"),
                part("text/html", "utf-8", page, "base64"),
            ),
            body,
            "----=_NextPart_6743A3F0_0A1B",
            "word",
        ),
        "X-QQ-MIME: TCMime 1.0 by Tencent",
        "X-Mailer: QQMail 2.x",
    )


def netease(chance: Random, body: Body) -> bytes:
    earlier = ""
    if body.earlier:
        earlier = (
            '<pre>\nAt 2026-11-29 10:11:12, "support" &lt;support@vendor.example&gt; wrote:</pre>'
            f'<blockquote id="isReplyContent">{lines_as("div", body.earlier)}</blockquote>'
        )
    page = (
        '<div style="line-height:1.7;color:#000000;font-size:14px;font-family:Arial">'
        f"{lines_as('p style=margin:0', body.text)}{picture(body)}</div>{earlier}"
    )
    plain = body.text + (
        f'\n在 2026-11-29 10:11:12，"support" 写道：\n{body.earlier}' if body.earlier else ""
    )
    both = multipart(
        "alternative",
        "----=_Part_12345_678910.1764465011000",
        part("text/plain", "GBK", plain, "base64"),
        part("text/html", "GBK", page, "base64"),
    )
    return mail(
        chance,
        body._replace(charset="GBK"),
        with_files(both, body, "----=_Part_12344_678909.1764465011000", "word"),
        "X-Mailer: Coremail Webmail Server Version XT5.0.14",
    )


def gmail(chance: Random, body: Body) -> bytes:
    earlier = ""
    if body.earlier:
        earlier = (
            '<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Fri, Nov 27, 2026 at'
            " 10:11 AM Support &lt;support@vendor.example&gt; wrote:<br></div><blockquote"
            f' class="gmail_quote">{lines_as("div", body.earlier)}</blockquote></div>'
        )
    page = f'<div dir="ltr">{lines_as("div", body.text)}{picture(body)}</div>{earlier}'
    plain = body.text
    if body.earlier:
        plain += f"\n\nOn Fri, Nov 27, 2026 Support wrote:\n\n{quoted(body.earlier)}"
    both = multipart(
        "alternative",
        "000000000000a1b2c3061f2e3d4c",
        part("text/plain", "UTF-8", plain, chance.choice(["quoted-printable", "base64"])),
        part("text/html", "UTF-8", page, "quoted-printable"),
    )
    return mail(chance, body, with_files(both, body, "000000000000a1b2c4061f2e3d4e", "rfc2231"))


def apple_mail(chance: Random, body: Body) -> bytes:
    """Attachments stand within the text, so that the text is in several parts."""
    text = body.text + (f"\n\n{quoted(body.earlier)}" if body.earlier else "")
    if not body.files:
        return mail(
            chance,
            body,
            part("text/plain", "utf-8", text, "quoted-printable"),
            "X-Mailer: Apple Mail (2.3826)",
        )
    first, _, second = text.partition("\n")
    return mail(
        chance,
        body,
        multipart(
            "mixed",
            "Apple-Mail=_0B1C2D3E-4F50-6172-8394-A5B6C7D8E9F0",
            part("text/plain", "utf-8", first, "quoted-printable"),
            *(attached(*one, "rfc2231") for one in body.files),
            part("text/plain", "utf-8", second, "quoted-printable"),
        ),
        "X-Mailer: Apple Mail (2.3826)",
    )


def thunderbird(chance: Random, body: Body) -> bytes:
    """Lines are wrapped at 72, and flow."""
    text = body.text + (
        f"\n\nOn 11/27/26 10:11, Support wrote:\n{quoted(body.earlier)}" if body.earlier else ""
    )
    flowing: list[str] = []
    for line in text.split("\n"):
        mark = "> " if line.startswith("> ") else ""
        rest = line.removeprefix("> ").rstrip(" ")
        while len(rest) > 70 and " " in rest[1:70]:
            at = rest.rfind(" ", 0, 70) + 1
            flowing.append(mark.strip() + " " * bool(mark) + rest[:at])
            rest = rest[at:]
        flowing.append(
            mark + rest if mark or not rest.startswith((" ", ">", "From ")) else f" {rest}"
        )
    content = part("text/plain", "UTF-8", "\n".join(flowing), "8bit", "; format=flowed")
    return mail(
        chance,
        body,
        with_files(content, body, "------------0aB1cD2eF3gH4iJ5kL6mN7oP", "rfc2231"),
        "User-Agent: Mozilla Thunderbird",
    )


def mutt(chance: Random, body: Body) -> bytes:
    text = body.text + (
        f"\n\nOn Fri, Nov 27, 2026 at 10:11, Support wrote:\n{quoted(body.earlier)}"
        if body.earlier
        else ""
    )
    signed = multipart(
        'signed; micalg=pgp-sha512;\r\n\tprotocol="application/pgp-signature"',
        "jq0ap7NbKX2Kqbes",
        with_files(part("text/plain", "utf-8", text, "quoted-printable"), body, "J/dobhs11T7y2rNN"),
        header('Content-Type: application/pgp-signature; name="signature.asc"', "")
        + b"-----BEGIN PGP SIGNATURE-----\r\n\r\niQIz"
        + key_of(chance).encode("ascii")
        + b"\r\n-----END PGP SIGNATURE-----\r\n",
    )
    return mail(chance, body, signed, "User-Agent: Mutt/2.2.12")


def shell(chance: Random, body: Body) -> bytes:
    """`mail -s` of a server: no MIME at all, whatever the bytes are."""
    text = body.text + (f"\n{quoted(body.earlier)}" if body.earlier else "")
    head = mail(chance, body._replace(files=()), b"").replace(b"MIME-Version: 1.0\r\n", b"")
    return head + b"\r\n" + text.encode(body.charset, "replace")


def labelled_wrongly(chance: Random, body: Body) -> bytes:
    """The label says one charset, and the bytes are in another."""
    wrong = chance.choice(["iso-8859-1", "us-ascii", "gb2312", "utf-8"])
    text = body.text + (f"\n{quoted(body.earlier)}" if body.earlier else "")
    content = header(
        f"Content-Type: text/plain; charset={wrong}", "Content-Transfer-Encoding: 8bit"
    )
    content += b"\r\n" + text.encode(chance.choice(["utf-8", "gb18030"]))
    return mail(chance, body, with_files(content, body, "=-wrong-label-="))


def big5(chance: Random, body: Body) -> bytes:
    traditional = {
        "许": "許",
        "证": "證",
        "请": "請",
        "签": "簽",
        "发": "發",
        "续": "續",
        "谢": "謝",
        "机": "機",
    }
    text = "".join(traditional.get(one, one) for one in body.text)
    data = text.encode("big5", "ignore")
    content = header(
        'Content-Type: text/plain; charset="big5"', "Content-Transfer-Encoding: base64"
    )
    content += b"\r\n" + base64.encodebytes(data)
    return mail(chance, body, with_files(content, body, "=-big5-="))


PROGRAMS: tuple[Callable[[Random, Body], bytes], ...] = (
    *(outlook, exchange, foxmail, qq_mail, netease, gmail, apple_mail, thunderbird, mutt, shell),
    *(labelled_wrongly, big5),
)
_WITHOUT_HTML = (exchange, apple_mail, thunderbird, mutt, shell, labelled_wrongly, big5)
_WITHOUT_FILES = (shell,)
_WITHOUT_QUOTES = (big5,)


# What is in them


class Host(NamedTuple):
    """A host, as an operator sends it."""

    key: str
    name: str | None
    text: str


def host(chance: Random, form: str) -> Host:
    """A host in one of FORMS."""
    key, name = key_of(chance), chance.choice(NAMES)
    if form == "request":
        tags = {one: f"{chance.getrandbits(64):016x}" for one in ("hostname", "ip", "machine_id")}
        return Host(
            key, name, LicenseRequest(key=key, name=name, tags=tags, gpus=4).to_text().strip()
        )
    if form == "checked":
        return Host(key, name, hostline.write(key, name, "hk1", check=True))
    if form == "by hand":
        return Host(key, name, f"机器码：{key}，主机名：{name}")
    if form == "of the machine":
        return Host(key, name, hostline.write(key, name, "hk1-host"))
    if form == "key alone":
        return Host(key, None, f"host key: {key}")
    if form == "smart":
        return Host(key, name, f"［“{key}”，“{name}”］")
    if form == "two lines":
        return Host(key, name, f'["{key}",\n"{name}"]')
    if form == "table":
        return Host(key, name, f"主机名\t机器码\n\n{key}\t{name}")
    if form == "prompt":
        line = hostline.write(key, name, "hk1")
        return Host(
            key, name, f"root@{name}:~# python cmd/cli.py get_host_key\n{line}\nroot@{name}:~#"
        )
    return Host(key, name, hostline.write(key, name, "hk1"))


FORMS = (
    "printed",
    "request",
    "checked",
    "by hand",
    "of the machine",
    "key alone",
    "prompt",
    "printed",
    "two lines",
    "table",
    "smart",
)


def _body(chance: Random, language: str, hosts: list[Host]) -> Body:
    begins, ends = (ZH, END_ZH) if language == "zh" else (EN, END_EN)
    text = "\n\n".join([chance.choice(begins), *(one.text for one in hosts), chance.choice(ends)])
    subject = "申请许可证：深度学习平台" if language == "zh" else "Licence request for our platform"
    charset = chance.choice(["gb18030", "gb2312", "utf-8"]) if language == "zh" else "utf-8"
    return Body(text, language, subject, charset)


def in_text(chance: Random, body: Body, one: Host) -> Body:
    begin, _, rest = body.text.partition("\n")
    return body._replace(text=f"{begin}\n{one.text}\n{rest}")


def in_subject(chance: Random, body: Body, one: Host) -> Body:
    if "\n" in one.text:
        return in_text(chance, body, one)
    return body._replace(subject=f"{body.subject} {one.text}")


def in_quote(chance: Random, body: Body, one: Host) -> Body:
    return body._replace(earlier=f"Please issue this:\n{one.text}\nthank you")


def in_file(chance: Random, body: Body, one: Host) -> Body:
    name, codec = chance.choice(
        [
            ("hostkey.txt", "utf-8"),
            ("机器码.txt", "gb18030"),
            ("host_key.log", "utf-16"),
            ("request.dat", "utf-8"),
            ("机器码（新服务器）.txt", "utf-8-sig"),
        ]
    )
    kind = chance.choice(["text/plain", "application/octet-stream"])
    data = f"{one.text}\n".replace("\n", "\r\n").encode(codec)
    return body._replace(files=(*body.files, (name, kind, data)))


def in_alt(chance: Random, body: Body, one: Host) -> Body:
    return body._replace(alt=f"screenshot of a terminal: {one.text}")


def in_forward(chance: Random, body: Body, one: Host) -> Body:
    inner = mail(
        chance,
        Body("", "en", "FW: host key", "utf-8"),
        part("text/plain", "utf-8", f"see below\n{one.text}\n", "quoted-printable"),
    )
    return body._replace(files=(*body.files, ("host key.eml", "application/octet-stream", inner)))


def in_forward_inline(chance: Random, body: Body, one: Host) -> Body:
    return body._replace(
        text=f"{body.text}\n\n-------- 转发邮件信息 --------\n发件人：张三 <zhang@customer.example>"
        f"\n发送日期：2026-11-28 09:00:00\n主题：机器码\n\n{one.text}"
    )


PLACES: tuple[Callable[[Random, Body, Host], Body], ...] = (
    in_text,
    in_text,
    in_subject,
    in_quote,
    in_file,
    in_alt,
    in_forward,
    in_forward_inline,
)
DECOYS: tuple[Callable[[Random], str], ...] = (
    lambda chance: f"sha256: {key_of(chance)}{key_of(chance)[:24]}  image.tar",
    lambda chance: f"{key_of(chance)}  darwin-platform-2.4.tar.gz",
    lambda chance: f"commit {key_of(chance)}\nAuthor: Wang Wei <wang@customer.example>",
    lambda chance: f"see https://git.customer.example/darwin/commit/{key_of(chance)}",
    lambda chance: f"https://track.example/u?c={key_of(chance)}&x=1",
    lambda chance: (
        "Key fingerprint = " + " ".join(key_of(chance).upper()[n : n + 4] for n in range(0, 40, 4))
    ),
    lambda chance: f"PGP: {key_of(chance).upper()}",
    lambda _: "Order 4500123456, tel. +86 10 6278 1234, fax 010-62781235, +49 89 1234567",
    lambda chance: f"Message-ID: <{key_of(chance)}@mail.customer.example>",
    lambda chance: f"Order numbers: {''.join(chance.choices('0123456789', k=40))}",
    lambda chance: f"MD5 {key_of(chance)[:32]}, SHA-1 {key_of(chance)}",
    lambda chance: f"docker image sha256:{key_of(chance)}{key_of(chance)[:24]}",
)


def made(number: int) -> Made:
    """The mail of this *number*: its program, language, form and place follow of it."""
    chance = Random(20261130 + number)
    program = PROGRAMS[number % len(PROGRAMS)]
    language = "zh" if number % 3 else "en"
    if program in (foxmail, qq_mail, netease, big5):
        language = "zh"
    place = PLACES[number // len(PROGRAMS) % len(PLACES)]
    if place is in_alt and program in _WITHOUT_HTML:
        place = in_text
    if place in (in_file, in_forward) and program in _WITHOUT_FILES:
        place = in_text
    if place is in_quote and program in _WITHOUT_QUOTES:
        place = in_text
    form = FORMS[number % len(FORMS)]
    if place is in_alt and form == "request":
        form = "printed"
    if program is big5 and form == "by hand":
        form = "printed"
    sort = number % 10
    several = [host(chance, "printed") for _ in range(chance.randrange(2, 5))] if sort == 7 else []
    body = _body(chance, language, several)
    hosts = list(several)
    if sort not in (3, 8):
        one = host(chance, form)
        hosts.append(one)
        body = place(chance, body, one)
    if sort in (3, 5):
        body = body._replace(
            text="\n".join([body.text, *(make(chance) for make in chance.sample(DECOYS, 3))])
        )
    if sort == 8:  # nothing but a screenshot
        body = body._replace(files=(("screenshot.png", "image/png", chance.randbytes(3000)),))
    if program in _WITHOUT_FILES:
        body = body._replace(files=())
    name = f"{number:03} {program.__name__} {place.__name__} {form} {language} {sort}"
    return Made(name, program(chance, body), {one.key: one.name for one in hosts}, language)
