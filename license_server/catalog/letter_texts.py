"""The places of letters, and the letters of a product that has none of its own."""

PLACES = {
    "heading": "Number, product and host in one line, as a subject",
    "greeting": "A greeting, with the contact's name if it is known",
    "customer": "The customer's name",
    "contact": "The contact's name, or nothing",
    "vendor": "Your name",
    "number": "The licence number",
    "product": "The product's name",
    "title": "The product's title, or else its name",
    "contract": "The order or contract number, or nothing",
    "host": "The hostname, or else the host key",
    "host_key": "The host key",
    "last_day": "The last day with its time zone; nothing if perpetual",
    "replaced": "The number of the licence that it replaces, or nothing",
    "for_host": "A sentence: for which host it is",
    "validity": "A sentence: until when it is valid",
    "kind": "A sentence if it is a trial or a stop-gap, or nothing",
    "replaces": "A sentence: which licence it replaces, or nothing",
    "commands": "The operator's commands, a line each",
    "explain": "The command that says why a licence is rejected",
    "installation": "Paragraphs: where the file goes, the commands, and what they do",
    "moved": "Paragraphs after a move: what becomes of the former file; else nothing",
    "portal": "A sentence: where the customer portal is, for who can come in; or nothing",
}
"""What stands in each, in English; translated where it is shown."""

_EN = """\
{heading}
{greeting}

Licence {number} for {product} is attached as license.dat.
{for_host}
{validity}
{kind}
{replaces}

{installation}

{moved}

{portal}

If the licence is rejected, please send us the output of:

    {explain}

Kind regards
{vendor}
"""
_ZH = """\
{heading}
{greeting}

附件 license.dat 是产品 {product} 的许可证 {number}。
{for_host}
{validity}
{kind}
{replaces}

{installation}

{moved}

{portal}

如果许可证被拒绝，请把以下命令的输出发给我们：

    {explain}

顺祝商祺
{vendor}
"""
DEFAULTS = {"en": _EN, "zh": _ZH}
"""By language; the first line is the subject."""

_OF_ANY = ("greeting", "customer", "contact", "vendor")
REMINDER_PLACES = {name: PLACES[name] for name in _OF_ANY} | {
    "ends": "When it expires, or expired, as the end of a sentence",
    "stops": "A sentence: what happens after that",
    **{name: PLACES[name] for name in ("number", "product", "title", "contract")},
    **{name: PLACES[name] for name in ("host", "host_key", "last_day", "kind")},
}
"""The places of a reminder of one licence."""
DIGEST_PLACES = {name: PLACES[name] for name in _OF_ANY} | {
    "summary": "How many licences expire, or have expired",
    "licences": "The licences, a line each: last day, number, product, host, contract",
}
"""The places of one mail that reminds of several licences."""

_REMINDER_EN = """\
Licence {number} for {title} {ends}
{greeting}

Licence {number} for {title} on {host} {ends}.
{stops}
{kind}

To renew it, please reply to this mail. You will get a new licence file.

If you do not want to be reminded any more, please tell us.

Kind regards
{vendor}
"""
_REMINDER_ZH = """\
{title} 的许可证 {number} {ends}
{greeting}

主机 {host} 上 {title} 的许可证 {number} {ends}。
{stops}
{kind}

如需续期，请回复此邮件，我们会发来新的许可证文件。

如果不想再收到这类提醒，请告诉我们。

顺祝商祺
{vendor}
"""
_DIGEST_EN = """\
{summary}
{greeting}

{summary}. Each with its last day:

    {licences}

To renew them, please reply to this mail. You will get new licence files.

If you do not want to be reminded any more, please tell us.

Kind regards
{vendor}
"""
_DIGEST_ZH = """\
{summary}
{greeting}

{summary}。每份的最后一天如下：

    {licences}

如需续期，请回复此邮件，我们会发来新的许可证文件。

如果不想再收到这类提醒，请告诉我们。

顺祝商祺
{vendor}
"""
REMINDER, DIGEST = "reminder", "digest"
WITH_LICENCES = {
    "issued": "A first licence",
    "renewed": "After a renewal",
    "moved": "After a move to another host",
    "changed": "After any other action",
}
"""When each letter is sent that goes with a licence, in English; translated where it is shown."""
KINDS = WITH_LICENCES | {
    REMINDER: "Reminder of one licence that expires",
    DIGEST: "Reminder of several licences that expire",
}
"""All letters."""
LANGUAGES = ("en", "zh")
"""In which there are letters."""
_OTHERS = {
    REMINDER: (REMINDER_PLACES, {"en": _REMINDER_EN, "zh": _REMINDER_ZH}),
    DIGEST: (DIGEST_PLACES, {"en": _DIGEST_EN, "zh": _DIGEST_ZH}),
}


def places_of(kind: str) -> dict[str, str]:
    """What may stand in a letter of this *kind* (KINDS)."""
    return _OTHERS[kind][0] if kind in _OTHERS else PLACES


def default_of(kind: str, language: str) -> str:
    """The letter of a product that has none of its own."""
    return (_OTHERS[kind][1] if kind in _OTHERS else DEFAULTS)[language]
