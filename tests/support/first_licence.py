"""The first licence, as a new administrator issues it at the desk: a script for any Python 3.

    python3 first_licence.py URL INVITATION [NAME=VALUE …]

URL is where the desk is reached, INVITATION the link that `init` printed; NAME=VALUE are headers.
It prints the number of the licence. Certificates are not looked at.
"""

import http.cookiejar
import re
import ssl
import sys
import urllib.parse
import urllib.request
from html import unescape

PASSWORD = "a password of this test"
HOST = '["55917890141cb1c89accc5e53a929acb1867c42c", "studio2_gpu"]'


def main(url: str, invitation: str, *headers: str) -> None:
    """Accept the invitation, sign in, issue."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(jar, urllib.request.HTTPSHandler(context=context))
    browser.addheaders = [tuple(header.split("=", 1)) for header in headers]  # type: ignore[misc]

    def get(path: str) -> str:
        with browser.open(url + path, timeout=60) as reply:
            return str(reply.read().decode())

    def post(path: str, page: str, **fields: str) -> str:
        found = re.search(r'name="form_token" value="([^"]*)"', page)
        assert found, page
        fields["form_token"] = unescape(found[1])
        body = urllib.parse.urlencode(fields).encode()
        with browser.open(url + path, body, timeout=60) as reply:
            return str(reply.read().decode())

    parts = urllib.parse.urlsplit(invitation)
    page = get(f"{parts.path}?{parts.query}")
    secret = urllib.parse.parse_qs(parts.query)["secret"][0]
    email = re.search(r'name="email" value="([^"]*)"', page)
    assert email, page
    post("/invitation", page, secret=secret, password=PASSWORD, again=PASSWORD)
    sign_in = {"email": unescape(email[1]), "password": PASSWORD, "next": ""}
    post("/login", get("/login"), **sign_in)
    order = {"customer": "ACME", "product": "darwin", "term": "days", "days": "30"}
    order |= {"time_zone": "UTC", "match": "exact", "host": HOST}
    looked = post("/licenses/preview", get("/licenses/new"), **order)
    form = re.search(
        r'<form[^>]*method="post" action="(/licenses)"[^>]*>(.*?)</form>', looked, re.DOTALL
    )
    assert form, looked
    pairs = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form[2])
    issued = post(form[1], looked, **{name: unescape(value) for name, value in pairs})
    number = re.search(r'href="/licenses/([^"/]+)/license\.dat"', issued)
    assert number, issued
    assert len(get(f"/licenses/{number[1]}/license.dat")) > 500
    print(number[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
