"""Steps of a user in Chromium."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from tests.support import qr_reader
from tests.support.need import need
from tests.support.server import Running

PATIENCE = 120_000
"""Milliseconds that a step may take: of this machine's load no test tells."""
expect.set_options(timeout=PATIENCE)
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first that is there: the one without windows takes a third of the time for a page."""
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--in-process-gpu")
# Chromium on Linux has no detector: this one hands what it is to look at to a program that can.
_DETECTOR = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["qr_code"]; }
  async detect(source) {
    const canvas = document.createElement("canvas");
    canvas.width = source.videoWidth || source.width;
    canvas.height = source.videoHeight || source.height;
    canvas.getContext("2d").drawImage(source, 0, 0);
    const texts = await window.readByZbar(canvas.toDataURL("image/png"));
    return texts.map((rawValue) => ({ rawValue, format: "qr_code" }));
  }
};
"""


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser; a loop runs in this thread meanwhile, so it is not for a whole session."""
    path = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if path is None:
        need("Chromium", f"apt-get install {_PROGRAMS[0]}")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        except Error as error:
            need("Chromium", f"it does not start here: {error}")
        yield browser
        browser.close()


def new_context(browser: Browser, **more: Any) -> BrowserContext:
    """The browser of somebody, who is patient."""
    context = browser.new_context(**more)
    context.set_default_timeout(PATIENCE)
    return context


def new_page(browser: Browser, **more: Any) -> Page:
    """A page of its own; whoever closes it leaves nothing behind."""
    page = browser.new_page(**more)
    page.set_default_timeout(PATIENCE)
    return page


def sign_in(page: Page, running: Running) -> None:
    page.goto("/")
    page.get_by_label("Email address").fill(running.admin_email)
    page.get_by_label("Password").fill(running.admin_password)
    page.get_by_role("button", name="Sign in").click()


def detect_codes(page: Page) -> None:
    """Let *page* find QR codes in pictures, as Chromium does on a telephone."""
    page.expose_function("readByZbar", _by_zbar)
    page.add_init_script(_DETECTOR)


def _by_zbar(address: str) -> list[str]:
    return qr_reader.read(base64.b64decode(address.partition(",")[2]), ".png")
