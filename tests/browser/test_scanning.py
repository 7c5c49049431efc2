"""A QR code is read into the form: by a link, out of a picture, by the camera."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import segno
from playwright.sync_api import Browser, Page

from license_core import qr
from tests.support import judge
from tests.support.chromium import detect_codes, new_context, sign_in
from tests.support.server import KEY, LINE, Running

# And no camera: this one films what the page is given.
CAMERA = """
navigator.mediaDevices.getUserMedia = async () => {
  const rows = await window.beforeTheCamera();
  if (!rows) throw new DOMException("no", "NotAllowedError");
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = canvas.height = 4 * (rows.length + 8);
  const draw = () => {
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "black";
    rows.forEach((row, y) => [...row].forEach((one, x) => {
      if (one === "1") pen.fillRect(4 * (x + 4), 4 * (y + 4), 4, 4);
    }));
  };
  draw();
  setInterval(draw, 100);
  window.filmed = canvas.captureStream(10);
  return window.filmed;
};
"""


@pytest.fixture
def filmed() -> list[Any]:
    """What is before the camera, the last one; None: it is not allowed."""
    return []


@pytest.fixture
def scanning(chromium: Browser, running: Running, filmed: list[Any]) -> Iterator[Page]:
    context = new_context(chromium, base_url=running.url)
    page, broken = context.new_page(), list[str]()
    page.on("pageerror", lambda error: broken.append(str(error)))
    detect_codes(page)
    page.expose_function("beforeTheCamera", lambda: filmed[-1])
    page.add_init_script(CAMERA)
    sign_in(page, running)
    page.goto("/licenses/new")
    yield page
    context.close()
    assert broken == []


def picture(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "photo.png"
    segno.make_qr(text).save(str(path), scale=4)
    return path


def test_picture_of_a_code_fills_the_form_in(scanning: Page, tmp_path: Path) -> None:
    scanning.get_by_label("Read a picture of one").set_input_files(picture(tmp_path, LINE))
    scanning.get_by_text(KEY).first.wait_for()  # what the form means, beside it
    assert scanning.locator("#host").input_value() == LINE
    assert judge.look(scanning, "en") == []


def test_picture_without_a_code_is_told(scanning: Page, tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.write_bytes(
        base64.b64decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
        )
    )
    scanning.get_by_label("Read a picture of one").set_input_files(empty)
    scanning.get_by_text("There is no QR code in this picture.").wait_for()
    assert scanning.locator("#host").input_value() == ""


def test_camera_reads_a_link_and_stops(scanning: Page, filmed: list[Any]) -> None:
    filmed.append(None)
    scanning.get_by_role("button", name="Scan a QR code").click()
    scanning.get_by_text("The browser gives no camera").wait_for()
    filmed.append(qr.encode(f"https://desk.example.com/licenses/new#host={quote(LINE, safe='')}"))
    scanning.get_by_role("button", name="Scan a QR code").click()
    scanning.get_by_text(KEY).first.wait_for()
    assert scanning.locator("#host").input_value() == LINE
    scanning.locator("[data-scan] video").wait_for(state="hidden")
    assert scanning.evaluate(
        "window.filmed.getTracks().every((track) => track.readyState === 'ended')"
    )


def test_link_of_a_code_fills_the_form_in_though_one_signs_in_first(
    chromium: Browser, running: Running
) -> None:
    context = new_context(chromium, base_url=running.url)
    page = context.new_page()
    page.goto(f"/licenses/new#host={quote(LINE, safe='')}")
    assert "#" not in page.url
    page.get_by_label("Email address").fill(running.admin_email)
    page.get_by_label("Password").fill(running.admin_password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(KEY).first.wait_for()
    assert page.locator("#host").input_value() == LINE
    page.goto("/licenses/new")
    assert page.locator("#host").input_value() == ""
    assert page.get_by_role("button", name="Scan a QR code").is_hidden()  # this browser reads none
    context.close()
