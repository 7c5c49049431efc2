"""Setting up an authenticator."""

import re
from html import unescape

import pyotp
import segno

from tests.support.desk import Desk
from tests.support.pages import hidden, sign_in
from tests.support.second_factor import PASSWORD, act, add, enrol


def test_authenticator_is_inactive_until_a_code_confirms_it(desk: Desk) -> None:
    email, seed, sealed = enrol(desk)
    wrong = f"{(int(pyotp.TOTP(seed).at(desk.clock.now)) + 1) % 10**6:06}"
    reply = act(desk, "/codes/confirm", sealed=sealed, code=wrong)
    assert (reply.status_code, seed[:4] in reply.text) == (422, True)
    desk.client.cookies.clear()
    assert sign_in(desk, PASSWORD, email).headers["location"] == "/"


def test_enrolment_shows_a_qr_code_and_marks_a_wrong_code(desk: Desk) -> None:
    email = add(desk)
    sign_in(desk, PASSWORD, email)
    page = act(desk, "/codes/new", current=PASSWORD).text
    address = re.search(r"otpauth://totp/[^<]+", unescape(page))
    assert address
    code = segno.make_qr(address[0], error="m")
    drawn = re.search(r'<path class="qrline" stroke="#000" d="([^"]+)"', page)
    assert drawn
    assert drawn[1] in code.svg_inline(border=4)
    assert "style=" not in page
    reply = act(desk, "/codes/confirm", sealed=hidden(page, "sealed"), code="12")
    told = re.search(
        r'<span class="fault(?: typed)?" id="code-fault">(.*?)</span>', reply.text, re.DOTALL
    )
    assert told
    assert told[1].strip().endswith("check the clock of your device.")
    assert 'aria-describedby="code-fault' in reply.text
    assert "<svg" in reply.text


def test_sealed_seed_of_another_user_is_rejected(desk: Desk) -> None:
    _, seed, sealed = enrol(desk)
    desk.client.cookies.clear()
    enrol(desk)
    code = pyotp.TOTP(seed).at(desk.clock.now)
    reply = act(desk, "/codes/confirm", sealed=sealed, code=code)
    assert (reply.status_code, "recovery" in reply.text.lower()) == (422, False)
