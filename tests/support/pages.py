"""The desk's HTML without a browser: its forms, their fields and their errors."""

import os
import re
from html import unescape
from typing import Any

from license_core.request import LicenseRequest
from tests.support.desk import Desk
from tests.support.server import EMAIL, KEY, LINE, PASSWORD

FORM = {
    "customer": "ACME",
    "product": "darwin",
    "term": "days",
    "days": "30",
    "time_zone": "UTC",
    "match": "exact",
}


def text_of(page: Any) -> str:
    """What a page says, without its tags."""
    return unescape(re.sub(r"<[^>]*>", "", page.text))


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])


def sign_in(desk: Desk, password: str = PASSWORD, email: str = EMAIL) -> Any:
    token = hidden(desk.client.get("/login").text, "form_token")
    fields = {"form_token": token, "email": email, "password": password, "next": ""}
    return desk.client.post("/login", data=fields)


def preview(desk: Desk, **fields: str) -> Any:
    token = hidden(desk.client.get("/licenses/new").text, "form_token")
    data = FORM | {"form_token": token, "host": LINE} | fields
    return followed(desk, desk.client.post("/licenses/preview", data=data))


def followed(desk: Desk, reply: Any) -> Any:
    """The preview that a form redirects to, or the form itself where it was rejected."""
    return desk.client.get(reply.headers["location"]) if reply.status_code == 303 else reply


def once() -> dict[str, str]:
    """What tells a form that is sent from others of its kind."""
    return {"once": os.urandom(6).hex()}


def all_hidden(page: str) -> dict[str, str]:
    pairs = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in pairs}


def request_text(*names: str, profile: str = "hk1") -> str:
    """A complete request with host tags for *names*."""
    tags = dict.fromkeys(names, "0123456789abcdef")
    return LicenseRequest(KEY, "studio2_gpu", profile, tags or None).to_text()


def new_host_text(*names: str) -> str:
    """The same for a host of which no other test has a licence, so that no notice names one."""
    tags = {name: os.urandom(8).hex() for name in names}
    host = f"node-{os.urandom(6).hex()}"
    return LicenseRequest(os.urandom(20).hex(), host, "hk1", tags).to_text()


def choices(page: str) -> dict[str, list[str]]:
    """The table of tolerances: host fact to [tagged or not, exact, anchored]."""
    rows = re.findall(r'<th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', page, re.DOTALL)
    return {name: re.findall(r"<td[^>]*>(.*?)</td>", cells) for name, cells in rows}


WHOLE = ("hostname", "ip", "machine_id", "container_id")


def form(page: str, action: str) -> dict[str, str]:
    """The fields of the form for *action*, as a browser would send them."""
    found = re.search(
        rf'<form[^>]*method="post" action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL
    )
    assert found, f"no form for {action}"
    fields = {}
    for tag in re.findall(r"<input[^>]*>", found[1]):
        kind, name, value = (re.search(rf'\b{a}="([^"]*)"', tag) for a in ("type", "name", "value"))
        if name and (kind is None or kind[1] not in ("checkbox", "radio") or " checked" in tag):
            fields[name[1]] = unescape(value[1]) if value else ""
    for name, text in re.findall(
        r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', found[1], re.DOTALL
    ):
        fields[name] = unescape(text)
    for name, options in re.findall(
        r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', found[1], re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(
            r'value="([^"]*)"', options
        )
        fields[name] = unescape(chosen[1]) if chosen else ""
    return fields


def faults(page: str) -> dict[str, str]:
    """The error messages beside the fields, by field."""
    found = re.findall(
        r'<span class="fault(?: typed)?" id="([\w:]+)-fault">(.*?)</span>', page, re.DOTALL
    )
    return {name: unescape(text).strip() for name, text in found}


def preview_form(desk: Desk, form: str, **typed: str) -> Any:
    """Send the order form as a browser would, with *typed* in place of its values."""
    fields = dict(re.findall(r'<input [^>]*name="([^"]+)"[^>]* value="([^"]*)"', form))
    fields["term"] = re.findall(r'name="term" value="(\w+)" checked', form)[0]
    fields["match"] = re.findall(r'<option value="(\w+)" selected>', form)[0]
    data = {name: unescape(value) for name, value in fields.items()}
    return followed(desk, desk.client.post("/licenses/preview", data=data | typed))


def fields_of(page: str) -> dict[str, str]:
    """The fields of the page's own form as a browser would send them."""
    main = page[page.index("<main") :]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", main):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and not ('type="radio"' in tag and " checked" not in tag):
            found[name[1]] = unescape(value[1]) if value else ""
    areas = re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>(.*?)</textarea>', main, re.DOTALL)
    found |= {name: unescape(text) for name, text in areas}
    for name, inside in re.findall(
        r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', main, re.DOTALL
    ):
        chosen = re.search(r'<option value="([^"]*)" selected>', inside)
        found[name] = unescape(chosen[1]) if chosen else ""
    found.pop("form_token")
    return found


def number_in(reply: Any) -> str:
    """The number of the licence that a reply leads to."""
    assert reply.status_code == 303, reply.text
    found = re.match(r"/licenses/(HS-[0-9A-Z-]+)\?", reply.headers["location"])
    assert found, reply.headers["location"]
    return found[1]
