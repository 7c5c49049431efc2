"""README.md: short, starts with two commands, and its API call works."""

import json
import re
import shlex
from pathlib import Path

import httpx

from tests.support import server

PAGE = (server.REPOSITORY / "README.md").read_text("utf-8")


def test_readme_is_short_and_starts_with_two_commands() -> None:
    assert len(PAGE.splitlines()) < 120
    assert re.findall(r"^ {4}(make \w+)", PAGE, re.MULTILINE)[:2] == ["make demo", "make test"]


def test_api_call_in_the_readme_issues_a_licence(tmp_path: Path) -> None:
    (call,) = re.findall(r"^ {4}\$ (curl .*?')$", PAGE, re.MULTILINE | re.DOTALL)
    *options, flag, body = shlex.split(call)
    url = next(word for word in options if word.startswith("https://"))
    assert "Authorization: Bearer $TOKEN" in options
    assert flag == "--json"  # curl then says what it sends
    headers = {"Content-Type": "application/json"}
    with server.running_server(tmp_path) as running:
        answer = httpx.post(
            running.url + httpx.URL(url).path,
            content=body,
            headers=headers | running.bearer,
            timeout=60,
        )
    assert answer.status_code == 201, answer.text
    assert answer.json()["limits"] == json.loads(body)["limits"]
