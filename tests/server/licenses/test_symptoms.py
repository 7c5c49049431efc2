"""What the client prints is read again: by each command, in both languages, as mails leave it."""

import json
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from license_core.problems import PROBLEMS
from license_server.licenses import client_words, symptoms
from license_server.licenses.symptoms import Symptoms
from tests.support import hosts
from tests.support.cli import DAY, NUMBER, World

LANGUAGES = {"english": "C.UTF-8", "chinese": "zh_CN.UTF-8"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A host whose address changed after its licence was ordered."""
    made = World(tmp_path)
    made.put()
    made.run("verify")
    hosts.container(made.host, ip="172.17.0.9")
    return made


def printed(world: World, language: str, *arguments: str) -> str:
    done = world.run(*arguments, env={"LC_ALL": LANGUAGES[language]})
    return done.out + done.err


def plain(text: str) -> str:
    return text


def quoted(text: str) -> str:
    return "Dear support,\r\n" + "".join(f"> > {line}\r\n" for line in text.splitlines())


def wrapped(text: str) -> str:
    lines = [textwrap.wrap(line, 60, subsequent_indent="    ") for line in text.splitlines()]
    return "\n".join(piece for line in lines for piece in line)


def painted(text: str) -> str:
    return text.replace("[E]:", "\x1b[1;31m[E]:\x1b[0m")


@pytest.mark.parametrize("mangle", [plain, quoted, wrapped, painted], ids=lambda one: one.__name__)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("command", ["verify --explain", "verify", "doctor"])
def test_text_of_the_client_tells_the_hosts_the_problem_and_what_differs(
    world: World, command: str, language: str, mangle: Callable[[str], str]
) -> None:
    facts = world.facts()
    found = symptoms.read(mangle(printed(world, language, *command.split())))
    assert found.problems == ("wrong-host",)
    assert found.host_key == json.loads(world.run("get_host_key").out)[0]
    assert found.licensed_key not in (None, found.host_key)
    assert found.verdicts["ip"] == "differs"
    assert (found.hostname, found.before) == (facts.hostname, hosts.IP)
    if command.endswith("explain") and mangle is not wrapped:
        assert {found.verdicts[name] for name in ("hostname", "machine_id")} == {"same"}
    assert found.unread == ()


@pytest.mark.parametrize("mangle", [plain, quoted, painted])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("command", ["verify --explain", "verify", "doctor"])
def test_what_the_client_told_the_operator_to_do_is_read(
    world: World, command: str, language: str, mangle: Callable[[str], str]
) -> None:
    done = world.run("--lang", language, *command.split())
    advice = symptoms.read(mangle(done.out + done.err)).advice
    if language == "en":  # as JSON is in any
        in_json = symptoms.read(world.json("verify").out).advice
        joined = client_words.squeeze(advice.replace("\\\n", ""))
        assert joined == client_words.squeeze(in_json)
    assert "docker network connect --ip" in advice
    assert not advice.startswith(" ")
    assert "cli.py request" not in advice  # which asks for another licence


def test_json_of_the_client_tells_the_number_too(world: World) -> None:
    found = symptoms.read(quoted(world.json("verify", "--explain").out))
    assert (found.numbers, found.problems) == ((NUMBER,), ("wrong-host",))
    assert dict(found.verdicts)["ip"] == "differs"
    assert dict(found.verdicts)["container_id"] == "same"


def test_bundle_tells_keys_and_names_no_host(world: World) -> None:
    world.run("doctor", "--bundle", str(world.folder / "bundle"))
    found = symptoms.read((world.folder / "bundle").read_text("utf-8"))
    assert (found.numbers, found.problems) == ((NUMBER,), ("wrong-host",))
    assert found.host_key == json.loads(world.run("get_host_key").out)[0]
    assert (found.hostname, found.before) == (None, None)


@pytest.mark.parametrize("mangle", [plain, quoted], ids=lambda one: one.__name__)
def test_request_and_host_key_line_are_the_host(world: World, mangle: Callable[[str], str]) -> None:
    whole = symptoms.read(mangle(world.run("request").out))
    line = symptoms.read(mangle(world.run("get_host_key").out))
    assert whole.request is not None
    assert line.request is not None
    assert (whole.request.key, whole.numbers) == (line.request.key, (NUMBER,))
    assert whole.host_text == whole.request.to_text()
    assert line.host_text == world.run("get_host_key").out.strip()


def test_request_within_json_is_read(world: World) -> None:
    request = world.run("request").out
    bundle = json.loads(world.json("verify", "--explain").out) | {"request": request}
    found = symptoms.read(json.dumps(bundle))
    assert found.request is not None
    assert found.request.tags
    assert found.host_text == symptoms.read(request).host_text


def test_request_beside_an_explanation_is_read_with_it(world: World) -> None:
    text = printed(world, "chinese", "verify", "--explain") + world.run("request").out
    found = symptoms.read(text)
    assert found.request is not None
    assert found.problems == ("wrong-host",)
    assert set(found.sources) == {"text", "request"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("slug", "changes", "later"),
    [
        ("license-expired", {}, 400 * DAY),
        ("gpus-not-licensed", {"limits": {"gpus": 1}}, DAY),
        ("wrong-product", {"aud": "other"}, DAY),
        ("license-missing", None, DAY),
    ],
)
def test_sentence_of_a_problem_is_known_in_both_languages(
    tmp_path: Path, slug: str, changes: dict[str, Any] | None, later: int, language: str
) -> None:
    world = World(tmp_path)
    hosts.container(world.host, gpus=4)
    if changes is not None:
        world.put(world.file(world.claims(**changes)))
    done = world.run("verify", env={"LC_ALL": LANGUAGES[language]}, now=world.now + later)
    assert symptoms.read(done.err).problems == (slug,)


@pytest.mark.parametrize("text", ["exit 40", "exit code: 40", "退出码 40", "(license-expired, …)"])
def test_exit_codes_and_slugs_are_read(text: str) -> None:
    assert symptoms.read(f"start.sh said {text}").problems == ("license-expired",)


def test_what_cannot_be_read_is_said(world: World) -> None:
    whole = world.json("verify").out
    cut = symptoms.read(whole[: len(whole) // 2])
    assert [str(reason) for reason in cut.unread] == [
        "JSON that is damaged or cut off; only single values of it were read"
    ]
    assert "wrong-host" in cut.problems
    damaged = world.run("request").out.replace("eyJ", "eyK", 1)
    assert "a request: " in symptoms.read(damaged).unread[0]
    assert "nothing in it is known" in symptoms.read("gpu box 7 stopped after reboot").unread[0]
    assert "only the first" in symptoms.read("x" * (symptoms.MOST + 1)).unread[0]
    many = "\n".join(f"HS-2026-{number:08}" for number in range(50))
    assert len(symptoms.read(many).numbers) == 20


_HOSTILE = {
    "braces": "{" * symptoms.MOST,
    "nested": '{"a":' * (symptoms.MOST // 5),
    "lists": "[" * symptoms.MOST,
    "begins": "-----BEGIN LICENSE REQUEST-----" * (symptoms.MOST // 31),
    "sentences": "The licence is for host " * (symptoms.MOST // 24),
    "quotes": "> " * (symptoms.MOST // 2),
    "digits": "0123456789abcdef" * (symptoms.MOST // 16),
    "parts": "ip DIFFERS\n" * (symptoms.MOST // 11),
    "slugs": "a-" * (symptoms.MOST // 2),
    "blanks": " " * symptoms.MOST,
    "exits": "exit 40 " * (symptoms.MOST // 8),
    "number": '{"jti":' + "9" * 50_000 + "}",
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_text_is_read_in_time_that_grows_with_it(name: str) -> None:
    """Twice the text takes at most some four times as long: nothing in it is read over and over."""
    text = _HOSTILE[name]
    spent = []
    for part in (text[: len(text) // 2], text):
        began = time.process_time()
        assert isinstance(symptoms.read(part), Symptoms)
        spent.append(time.process_time() - began)
    assert spent[1] < 10


def test_every_problem_of_the_client_has_a_sentence_that_is_found() -> None:
    """But those whose words are only facts."""
    from license_server.licenses import client_words

    known = {pattern.slug for pattern in client_words._patterns()}
    facts_alone = {"usage", "not-authenticated", "not-permitted"}
    assert {row.slug for row in PROBLEMS.values()} - known == facts_alone
