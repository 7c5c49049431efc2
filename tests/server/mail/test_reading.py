"""What is read of mails as programs and people write them."""

import base64

import pytest

from license_core import armor, phonecode
from license_server.mail import incoming
from license_server.mail.incoming import IncomingMail, Own
from tests.support import mails
from tests.support.mails import Made

COUNT = 300
OWN = Own("vendor.example", "mx.vendor.example")
KEY = "55917890141cb1c89accc5e53a929acb1867c42c"
OTHER = "16b73b08e56ec496780aefc97174ff42a273df1c"
LINE = f'["{KEY}", "studio2_gpu"]'


def read(content: str | bytes, *fields: str) -> IncomingMail:
    """A mail of these fields and content, which begins with the fields of a part."""
    head = "\r\n".join(("From: Wang <wang@customer.example>", *fields))
    data = content.encode("utf-8") if isinstance(content, str) else content
    return incoming.read(head.encode("utf-8") + b"\r\n" + data, OWN)


def plain(text: str, more: str = "") -> str:
    return f"Content-Type: text/plain; charset=utf-8{more}\r\n\r\n{text}"


def page(html: str) -> str:
    return f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}"


def keys(mail: IncomingMail) -> list[str]:
    return [one.request.key for one in mail.hosts]


def fault(made: Made) -> str | None:
    """What is wrong with what is read of a mail."""
    mail = incoming.read(made.data, OWN)
    found = {one.request.key: one.request.name for one in mail.hosts}
    if found != dict(made.hosts):
        return f"{made.name}: {found} instead of {dict(made.hosts)}"
    if mail.sender is None or mail.sender.address != "wang.wei@customer.example":
        return f"{made.name}: its sender is {mail.sender}"
    if mail.kind != "person" or mail.language != made.language:
        return f"{made.name}: it is {mail.kind}, {mail.language}"
    if "screenshot.png" in mail.files and not mail.unread:
        return f"{made.name}: nothing is said of its screenshot"
    return None


def faults(count: int) -> list[str]:
    return [told for told in map(fault, map(mails.made, range(count))) if told]


def test_every_host_of_300_mails_is_found_and_none_is_invented() -> None:
    assert faults(COUNT) == []


@pytest.mark.torture
def test_every_host_of_20_000_mails_is_found_and_none_is_invented() -> None:
    assert faults(20_000) == []


def test_telephone_code_in_a_mail_is_a_host_and_a_wrong_one_is_told() -> None:
    lines = phonecode.lines(KEY)
    mail = read(plain("Hello,\n\n" + "\n".join(lines) + "\n\n-- \nWang\n"))
    assert (keys(mail), [one.is_quoted for one in mail.hosts]) == ([KEY], [False])
    quoted = read(plain("Thanks!\n\n" + "".join(f"> {line}\n" for line in lines)))
    assert [one.is_quoted for one in quoted.hosts] == [True]
    digit = str((int(lines[1][0]) + 1) % 10)
    wrong = read(plain("\n".join([lines[0], digit + lines[1][1:], lines[2]])))
    assert keys(wrong) == []
    assert any("group 5 of the telephone code is wrong" in str(one) for one in wrong.unread)


def test_several_hosts_of_one_mail_are_several() -> None:
    mail = read(plain(f'{LINE}\n["{OTHER}", "gpu2", "hk1-host"]\n'))
    assert [(one.request.name, one.request.profile) for one in mail.hosts] == [
        ("studio2_gpu", "hk1"),
        ("gpu2", "hk1-host"),
    ]


def test_a_host_is_one_though_text_page_and_attachment_name_it() -> None:
    both = mails.multipart(
        "alternative", "b", plain(LINE).encode(), page(f"<p>{LINE}</p>").encode()
    )
    mail = read(
        mails.multipart("mixed", "a", both, mails.attached("k.txt", "text/plain", LINE.encode()))
    )
    assert keys(mail) == [KEY]
    assert mail.files == ("k.txt",)


def test_a_host_that_only_a_quotation_names_is_quoted() -> None:
    quotation = f"> {LINE}\n"
    assert [one.is_quoted for one in read(plain(f"Any news?\n\n{quotation}")).hosts] == [True]
    assert [one.is_quoted for one in read(plain(f"{LINE}\n\n{quotation}")).hosts] == [False]
    below = f'["{OTHER}", "new"]\n\n----- Original Message -----\nFrom: a\nSent: b\n\n{LINE}'
    assert [(one.request.key, one.is_quoted) for one in read(plain(below)).hosts] == [
        (OTHER, False),
        (KEY, True),
    ]


def test_the_host_of_a_licence_is_none_that_asks_for_one() -> None:
    licence = (
        "Licence HS-2026-KCY3ZBEK of Vendor for Customer\n"
        f"Product darwin, host studio2_gpu {OTHER}\n"
        f"Valid until 2027-01-01\n\n{armor.wrap(armor.LICENSE, 'a.b.c')}"
    )
    mail = read(plain(f"it was rejected; the host is {LINE}\n\n{mails.quoted(licence)}"))
    assert keys(mail) == [KEY]
    assert mail.licenses == ("HS-2026-KCY3ZBEK",)
    file = mails.attached("license.dat", "application/octet-stream", licence.encode())
    assert keys(read(mails.multipart("mixed", "a", plain("see file").encode(), file))) == []


def test_a_wrong_check_code_is_said_and_no_host() -> None:
    mail = read(plain(f'["{KEY}", "studio2_gpu", "check aaaaaa"]'))
    assert mail.hosts == ()
    assert "check code" in mail.unread[0]


def test_only_what_a_page_shows_is_read() -> None:
    hidden = f'<div style="color:red; display: none"><div>{LINE}</div></div>'
    script = f"<script>var a = '<p>{LINE}</p>';</script><style>{LINE}</style><!-- {LINE} -->"
    assert read(page(f"<p>hello</p>{hidden}{script}")).text == "hello"
    assert keys(read(page(f"<p>hello</p>{hidden}<p>{LINE}"))) == [KEY]


def test_a_page_is_never_more_than_its_text() -> None:
    mail = read(page('<p onclick="x()">a<b>b</b> &lt;script&gt;alert(1)&lt;/script&gt; 1 < 2</p>'))
    assert mail.text == "ab <script>alert(1)</script> 1 < 2"


@pytest.mark.parametrize(
    "html",
    [
        f"<table><tr><td>{KEY}</td><td>studio2_gpu</td></tr></table>",
        f"<pre>\n{LINE}\n</pre>",
        f"<p>[&quot;{KEY[:20]}<wbr>{KEY[20:]}&quot;,&nbsp;&quot;studio2_<b>gpu</b>&quot;]</p>",
        f'<img alt="a > b" src="x"><p title="1>0">{LINE}</p>',
        f"<![if !mso]><p>{LINE}</p><![endif]>",
        f"<img alt='{LINE}' src=cid:1>",
        f"<!-- never ends <p>{LINE}</p>",
        f'<p class="a>{LINE}',
        f"<script/><p>{LINE}</p></script>{LINE}",
    ],
)
def test_a_host_is_found_in_any_page_that_shows_it(html: str) -> None:
    assert [(one.request.key, one.request.name) for one in read(page(html)).hosts] == [
        (KEY, "studio2_gpu")
    ]


def test_flowed_lines_are_joined_and_quotations_stay_quotations() -> None:
    text = f'> ["{KEY}", \r\n> "studio2_gpu"] \r\n>> old\r\nnew \r\nline\r\n-- \r\nname'
    mail = read(plain(text, "; format=flowed"))
    assert mail.text == f'> ["{KEY}", "studio2_gpu"] \n> > old\nnew line\n-- \nname'
    assert keys(mail) == [KEY]
    assert read(plain("机器 \n码", "; format=flowed; delsp=yes")).text == "机器码"


@pytest.mark.parametrize(
    ("text", "label", "codec"),
    [
        ("请签发许可证，谢谢", "gb2312", "gb18030"),
        ("请签发许可证，谢谢", "utf-8", "gb18030"),
        ("请签发许可证，谢谢", "iso-8859-1", "gb18030"),
        ("请签发许可证，谢谢", "gb2312", "utf-8"),
        ("请签发许可证，谢谢", "no-such-charset", "utf-8"),
        ("請簽發許可證，謝謝", "big5", "big5"),
        ("Grüße aus Köln, größer", "iso-8859-1", "latin-1"),
        ("Grüße aus Köln, größer", "utf-8", "latin-1"),
        ("请签发", "hz-gb-2312", "hz"),
        ("請 ok", "utf-16", "utf-16"),
        ("ok 请", "us-ascii", "utf-16-le"),
    ],
)
def test_a_text_is_read_whatever_its_label_says(text: str, label: str, codec: str) -> None:
    head = f"Content-Type: text/plain; charset={label}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert read(head.encode() + base64.encodebytes(text.encode(codec))).text == text


def test_utf_7_is_refused_and_said() -> None:
    mail = read(f"Content-Type: text/plain; charset=UTF-7\r\n\r\n{LINE}")
    assert mail.hosts == ()
    assert mail.unread == ("a text in UTF-7, which is not read",)


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("screen.png", "image/png", "a picture"),
        ("logs.zip", "application/zip", "an archive"),
        ("a.gz", "application/gzip", "an archive"),
        ("order.pdf", "application/pdf", "a document"),
        ("a.exe", "application/octet-stream", "a file"),
    ],
)
def test_what_is_not_read_is_said_by_name(name: str, kind: str, told: str) -> None:
    mail = read(mails.multipart("mixed", "a", mails.attached(name, kind, LINE.encode())))
    assert mail.hosts == ()
    assert len(mail.unread) == 1
    assert told in mail.unread[0]
    assert name in mail.unread[0]


def test_a_name_of_an_attachment_is_read_in_each_way_of_writing_it() -> None:
    for style in ("plain", "word", "rfc2231"):
        mail = read(
            mails.multipart("mixed", "a", mails.attached("机器码 1.txt", "text/plain", b"x", style))
        )
        assert mail.files == ("机器码 1.txt",)
    mail = read(
        mails.multipart("mixed", "a", mails.attached("..\\..\\etc/passwd", "text/plain", b"x"))
    )
    assert mail.files == ("passwd",)


def test_an_earlier_mail_is_named_by_its_thread() -> None:
    mail = read(
        plain("hello"),
        "Message-ID: <3@customer.example>",
        "References: <1@vendor.example>\r\n <2@customer.example>",
        "In-Reply-To: <2@customer.example>",
        "Subject: =?gb2312?B?u9i4tA==?=: =?UTF-8?Q?licence_?=\r\n =?UTF-8?Q?for_us?=",
        "Date: Mon, 30 Nov 2026 09:10:11 +0800",
    )
    assert mail.references == ("<1@vendor.example>", "<2@customer.example>")
    assert mail.message_id == "<3@customer.example>"
    assert mail.subject == "回复: licence for us"
    assert mail.sent_at == 1796001011


def test_what_a_client_printed_is_read() -> None:
    mail = read(plain("problem: license-expired\nlicence HS-2026-KCY3ZBEK\n"))
    assert mail.symptoms.problems == ("license-expired",)
    assert mail.numbers == ("HS-2026-KCY3ZBEK",)
