"""English and Chinese: every word that an answer is made of, in the language of the operator."""

import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from license_cli import page, render, voice
from tests.support import catalogue, hosts
from tests.support.cli import CLI, World, code
from tests.support.messages import all_texts

TEXTS = all_texts()
CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    voice.speak("en")


def fields(text: str) -> list[str]:
    return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field is not None)


def test_every_text_has_a_translation_with_the_same_facts_and_commands() -> None:
    written = catalogue.read("zh")
    assert len(TEXTS) > 250
    for text in TEXTS:
        message = written.get(text)
        assert message is not None, f"no translation: {text!r}"
        translation = str(message.string)
        assert translation, f"no translation: {text!r}"
        assert fields(translation) == fields(text), text
        assert translation.count("`") == text.count("`"), text


def test_no_translation_is_of_a_text_that_nobody_says() -> None:
    assert {message.id for message in catalogue.read("zh") if message.id} == set(TEXTS)


def test_the_compiled_catalogue_is_the_written_one() -> None:
    assert (catalogue.FOLDER / "zh.mo").read_bytes() == catalogue.compiled("zh")


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
    ids=str,
)
def test_the_locale_chooses_the_language(environ: dict[str, str], language: str) -> None:
    assert voice.of_environment(environ) == language


def test_an_option_chooses_over_the_locale(world: World) -> None:
    assert "没有许可证" in world.run("verify", env=CHINESE).err
    assert "There is no licence" in world.run("--lang", "en", "verify", env=CHINESE).err
    assert "没有许可证" in world.run("--lang", "zh", "verify").err
    assert "There is no licence" in world.run("verify").err


def test_a_refusal_is_explained_in_chinese_with_its_commands(world: World) -> None:
    world.put()
    assert "有效，到" in world.run("verify", env=CHINESE).out
    hosts.container(world.host, ip="172.17.0.9")
    done = world.run("verify", "--explain", env=CHINESE)
    assert done.exit_code == code("wrong-host")
    assert "申请时的地址是 172.17.0.2，现在是 172.17.0.9。" in done.err
    assert "`python cmd/cli.py request`" in done.err
    assert "不同" in done.out


def test_machines_are_answered_in_english(world: World) -> None:
    assert world.json("verify", env=CHINESE).out == world.json("verify").out


def test_the_line_of_get_host_key_is_the_same_in_every_language(world: World) -> None:
    assert world.run("get_host_key", env=CHINESE).out == world.run("get_host_key").out


def test_the_page_of_doctor_is_80_columns_wide_in_chinese(world: World) -> None:
    (world.conf / "requirements.toml").write_text("cpus = 8\ngpus = 4\nports = [3001]\n", "ascii")
    world.put()
    world.run("verify")
    hosts.container(world.host, ip="172.17.0.9")
    for line in world.run("doctor", env=CHINESE).out.splitlines():
        words = line.strip()
        pasted = words.startswith(("docker ", "`", "- ")) or " " not in words
        assert render.width(line) <= 80 or pasted, line


def test_a_line_is_never_broken_inside_a_command() -> None:
    text = "请运行 `python cmd/cli.py install FILE`，然后" * 9
    lines = page._wrapped(text, "  ")
    assert len(lines) > 3
    assert all(line.count("`") % 2 == 0 and render.width(line) <= 80 for line in lines)
    assert "".join(line.strip() for line in lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("damage", [None, b"", b"\xde\x12\x04\x95", b"nonsense"])
def test_a_client_without_its_catalogue_speaks_english(
    damage: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locale").mkdir()
    if damage is not None:
        (tmp_path / "locale" / "zh.mo").write_bytes(damage)
    monkeypatch.setattr(voice, "__file__", str(tmp_path / "voice.py"))
    voice.speak("zh")
    assert voice.tr("never") == "never"


def test_a_terminal_that_cannot_write_chinese_gets_no_traceback(present: World) -> None:
    done = subprocess.run(
        [sys.executable, str(CLI), *present.options(), "--lang", "zh", "verify"],
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert done.returncode == code("license-missing")
    assert b"Traceback" not in done.stderr
