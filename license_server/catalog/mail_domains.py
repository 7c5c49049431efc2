"""The domains that a customer writes mail from, as a person said: one customer's each.

They stand in one text, a line each, as mail servers have them (RFC 5890).
"""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from license_core.claims import ClaimError
from license_core.reason import Reason
from license_server.catalog import domain_store, tags
from license_server.catalog.fields import clean_text
from license_server.db.errors import InputInvalidError

MEMBER = "domains"
MOST = 20
LONGEST = 253
SHARED = frozenset(
    {
        *("gmail.com", "googlemail.com", "icloud.com", "me.com", "mac.com", "aol.com", "msn.com"),
        *(f"outlook.{one}" for one in ("com", "at", "be", "cl", "cn", "com.au", "com.br", "cz")),
        *(f"outlook.{one}" for one in ("de", "dk", "es", "fr", "ie", "in", "it", "jp", "kr", "pt")),
        *(f"hotmail.{one}" for one in ("com", "be", "ca", "ch", "co.jp", "co.kr", "co.uk", "de")),
        *(f"hotmail.{one}" for one in ("es", "fr", "it", "nl", "se", "com.br", "com.au")),
        *(f"live.{one}" for one in ("com", "at", "be", "ca", "cn", "co.uk", "com.au", "de", "dk")),
        *(f"live.{one}" for one in ("fr", "it", "jp", "nl", "no", "se")),
        *(f"yahoo.{one}" for one in ("com", "ca", "cn", "co.id", "co.in", "co.jp", "co.kr")),
        *(f"yahoo.{one}" for one in ("co.uk", "com.ar", "com.au", "com.br", "com.cn", "com.hk")),
        *(f"yahoo.{one}" for one in ("com.mx", "com.sg", "com.tw", "com.vn", "de", "es", "fr")),
        *(f"yahoo.{one}" for one in ("in", "it", "ne.jp")),
        *("ymail.com", "rocketmail.com", "yandex.ru", "yandex.com", "ya.ru", "mail.ru", "bk.ru"),
        *("inbox.ru", "list.ru", "rambler.ru", "ukr.net", "naver.com", "daum.net", "hanmail.net"),
        *(
            "gmx.de",
            "gmx.net",
            "gmx.at",
            "gmx.ch",
            "gmx.com",
            "web.de",
            "t-online.de",
            "freenet.de",
        ),
        *("arcor.de", "mail.de", "posteo.de", "mailbox.org", "bluewin.ch", "orange.fr", "free.fr"),
        *("laposte.net", "sfr.fr", "wanadoo.fr", "libero.it", "virgilio.it", "tiscali.it", "wp.pl"),
        *("o2.pl", "onet.pl", "interia.pl", "seznam.cz", "btinternet.com", "virginmedia.com"),
        *("comcast.net", "verizon.net", "att.net", "sbcglobal.net", "cox.net", "uol.com.br"),
        *(
            "bol.com.br",
            "rediffmail.com",
            "docomo.ne.jp",
            "ezweb.ne.jp",
            "au.com",
            "softbank.ne.jp",
        ),
        *("i.softbank.jp", "nifty.com", "excite.co.jp", "proton.me", "protonmail.com", "pm.me"),
        *("tutanota.com", "tutanota.de", "tuta.io", "tuta.com", "fastmail.com", "fastmail.fm"),
        *("hey.com", "zoho.com", "zohomail.com", "mail.com", "email.com", "hushmail.com"),
        *(
            "qq.com",
            "vip.qq.com",
            "foxmail.com",
            "163.com",
            "vip.163.com",
            "126.com",
            "vip.126.com",
        ),
        *("yeah.net", "188.com", "vip.188.com", "163.net", "sina.com", "vip.sina.com", "sina.cn"),
        *("sina.com.cn", "vip.sina.com.cn", "sohu.com", "vip.sohu.com", "139.com", "189.cn"),
        *("wo.cn", "wo.com.cn", "aliyun.com", "tom.com", "vip.tom.com", "21cn.com", "263.net"),
        *("88.com", "pchome.com.tw", "hinet.net"),
    }
)
"""Where anybody can have an address: such a domain tells of no customer."""
PATTERN = r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$"
"""A domain as it is stored."""
_DOMAIN = re.compile(PATTERN)


def read(given: Mapping[str, Any], member: str = MEMBER) -> str | None:
    """The domains in a list of texts, as they are stored. Raises ClaimError."""
    texts = given.get(member)
    if texts is None:
        return None
    if not isinstance(texts, list):
        raise ClaimError(member, "it is not a list")
    found = dict.fromkeys(_domain(text, member) for text in texts)
    if len(found) > MOST:
        raise ClaimError(member, too_many(len(found)))
    return "\n".join(found) or None


def of(stored: str | None) -> list[str]:
    """The domains in a text as it is stored."""
    return stored.split("\n") if stored else []


def too_many(count: int) -> Reason:
    """Why a customer cannot have so many."""
    return Reason("there are {count}, and at most {most} are allowed", count=count, most=MOST)


def check_free(connection: Connection, stored: str | None, id_: int | None) -> None:
    """Raise InputInvalidError where another customer than *id_* has one of these domains."""
    for domain in of(stored):
        if any(one.id != id_ for one in domain_store.customers_with(connection, domain)):
            reason = Reason("another customer has {domain}", domain=domain)
            raise InputInvalidError(field=MEMBER, reason=reason)


def split(text: str) -> list[str]:
    """The domains in a *text* as people type them: in capitals, after ``@``, in any script.

    What makes none stays as it is, and is refused where it is read.
    """
    return [_written(one) for one in tags.split(text)]


def _written(typed: str) -> str:
    try:
        return typed.rpartition("@")[2].strip(". ").lower().encode("idna").decode("ascii")
    except UnicodeError:
        return typed


def _domain(text: Any, member: str) -> str:
    domain = clean_text({member: text}, member, LONGEST) or ""
    if _DOMAIN.fullmatch(domain) is None:
        raise ClaimError(member, Reason("{value!r} is not a domain", value=domain))
    if domain in SHARED:
        reason = "anybody can have an address of {domain}, so it tells of no customer"
        raise ClaimError(member, Reason(reason, domain=domain))
    return domain
