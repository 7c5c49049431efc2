"""English and Chinese: every text of the client is translated, and the locale chooses."""

import os
import re
import string
import subprocess
from pathlib import Path

import pytest

from license_cli import language as client_language
from license_cli import wrap
from license_cli.plain_line import COMMANDS
from tests.support import catalogue, hosts
from tests.support.cli import PROGRAM, World, code
from tests.support.messages import all_texts, unspoken, untranslatable

CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


def fields(text: str) -> list[str]:
    return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field is not None)


@pytest.mark.python_only("functions of the client in Python")
def test_every_text_is_translated_with_the_same_fields_and_commands() -> None:
    written = catalogue.read("zh")
    texts = all_texts()
    same = untranslatable(texts)
    assert len(texts) > 450
    for text in texts:
        message = written.get(text)
        assert message is not None, f"no translation: {text!r}"
        translation = str(message.string)
        assert translation, f"no translation: {text!r}"
        assert fields(translation) == fields(text), text
        assert any("\u4e00" <= c <= "\u9fff" for c in translation) or text in same, text
        assert translation.count("`") == text.count("`"), text


@pytest.mark.python_only("functions of the client in Python")
def test_every_reason_is_translatable() -> None:
    assert unspoken() == []


@pytest.mark.python_only("functions of the client in Python")
def test_catalogue_has_no_unused_translation() -> None:
    assert {message.id for message in catalogue.read("zh") if message.id} == set(all_texts())


@pytest.mark.python_only("functions of the client in Python")
def test_compiled_catalogue_is_up_to_date() -> None:
    assert (catalogue.FOLDER / "zh.mo").read_bytes() == catalogue.compiled(catalogue.read("zh"))


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
@pytest.mark.python_only("functions of the client in Python")
def test_locale_variables_choose_the_language(environ: dict[str, str], language: str) -> None:
    assert client_language.of_environment(environ) == language


def test_lang_option_overrides_the_locale(world: World) -> None:
    assert "没有许可证" in world.run("verify", env=CHINESE).err
    assert "There is no licence" in world.run("--lang", "en", "verify", env=CHINESE).err
    assert "没有许可证" in world.run("--lang", "zh", "verify").err
    assert "There is no licence" in world.run("verify").err


def test_verify_explains_a_wrong_host_in_chinese(world: World) -> None:
    world.put()
    assert "有效，到" in world.run("verify", env=CHINESE).out
    hosts.container(world.host, ip="172.17.0.9")
    done = world.run("verify", "--explain", env=CHINESE)
    assert done.exit_code == code("wrong-host")
    assert "申请许可证时地址是 172.17.0.2，现在是 172.17.0.9。" in done.err
    assert "`python cmd/cli.py request`" in done.err
    assert "不同" in done.out


def test_json_output_is_always_english(world: World) -> None:
    assert world.json("verify", env=CHINESE).out == world.json("verify").out


def test_get_host_key_prints_the_same_line_in_every_language(world: World) -> None:
    assert world.run("get_host_key", env=CHINESE).out == world.run("get_host_key").out


def test_doctor_fits_80_columns_in_chinese(world: World) -> None:
    (world.conf / "requirements.toml").write_text("cpus = 8\ngpus = 4\nports = [3001]\n", "ascii")
    world.put()
    world.run("verify")
    hosts.container(world.host, ip="172.17.0.9")
    for line in world.run("doctor", env=CHINESE).out.splitlines():
        words = line.strip()
        pasted = words.startswith(("docker ", "`", "- ")) or " " not in words
        assert wrap.width(line) <= 80 or pasted, line


def test_chinese_words_are_joined_by_chinese_punctuation(world: World) -> None:
    world.put()
    world.run("verify")
    hosts.container(world.host, ip="172.17.0.9", hostname="else")
    told = world.run("doctor", env=CHINESE).out + world.run("show", env=CHINESE).out
    assert re.findall(r"(?<!\])[:;,] ?[\u4e00-\u9fff].*|[\u4e00-\u9fff][:;,].*", told) == []


@pytest.mark.python_only("functions of the client in Python")
def test_wrapping_never_breaks_a_command() -> None:
    text = "请运行 `python cmd/cli.py install FILE`，然后" * 9
    lines = wrap.wrapped(text, 80)
    assert len(lines) > 3
    assert all(line.count("`") % 2 == 0 and wrap.width(line) <= 80 for line in lines)
    assert "".join(line.strip() for line in lines).replace(" ", "") == text.replace(" ", "")


def english(text: str) -> list[str]:
    """The English words in *text*, but for names, options, placeholders and what is quoted."""
    text = re.sub(
        r"`[^`]*`|'[^']*'|\[OPTIONS\].*|--?[a-z-]+|[\w./-]+\.[a-z]+|\[[^\]]*\]", " ", text
    )
    words = re.findall(r"(?<![\w/])[a-z]{2,}(?![\w/])", text)
    return [word for word in words if word not in {*COMMANDS, *["cmd", "conf", "keys", "machine"]}]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_every_help_page_is_in_chinese_and_fits_80_columns(
    world: World, command: list[str]
) -> None:
    told = world.run(*command, "--help", env=CHINESE).out
    assert told.startswith("用法： cli.py")
    assert all(wrap.width(line) <= 80 for line in told.splitlines())
    assert "选项:" in told
    assert "显示此帮助并退出。" in told
    known = {"node", "exporter", "textfile", "sh", "id", "init", "add"}
    assert set(english(told)) <= known, set(english(told)) - known
    assert "显示此帮助并退出。" not in world.run(*command, "--help").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nope"], "没有选项 '--nope'。"),
        (["vrify"], "没有命令 'vrify'。"),
        (["verify", "--warn-days", "x"], "'--warn-days' 的值无效"),
        (["verify", "--warn-days", "9999"], "9999 不在范围 0<=x<=3650 内。"),
        (["verify", "--warn-days"], "选项 '--warn-days' 需要一个值。"),
        (["verify", "x"], "多余的参数（x）"),
        (["verify", "--warn-day=9"], "没有选项 '--warn-day'。 您要找的是 '--warn-days' 吗？"),
        (["install"], "缺少参数 'SOURCE'。"),
        (["get_host_key", "--profile", "x"], "'hk1-cluster', 'hk1-site' 之中。"),
    ],
)
def test_usage_errors_are_chinese_for_people_and_english_in_json(
    world: World, arguments: list[str], words: str
) -> None:
    assert words in world.run("--lang", "zh", *arguments).err
    assert words in world.run("--lang=zh", *arguments).err
    done = world.run(*arguments, env=CHINESE)
    assert words in done.err
    assert done.exit_code == code("usage")
    english = world.run(*arguments).err
    assert english.isascii()
    done = world.json("--lang", "zh", *arguments)
    assert done.json()["problems"][0]["sentence"] in english


def test_lang_option_of_the_program_that_guard_starts_is_ignored(world: World) -> None:
    for line in (["guard", "--", "show"], ["guard", "--interval", "9", "show"]):
        done = world.run(*line, "--lang", "zh")
        assert done.err.isascii()


def test_reasons_inside_sentences_are_in_chinese(world: World) -> None:
    text = world.file().decode()
    said = {
        text.replace("-----END LICENSE-----", "").replace("In0.", "In0"): (
            "BEGIN LICENSE 没有对应的 END。"
        ),
        text.replace("In0.", "In0.A."): "有 4 个部分，应为 3 个",
    }
    for damaged, words in said.items():
        source = world.write(damaged.encode())
        assert words in world.run("install", source, env=CHINESE).err
    world.put(world.seal(b'{"ver": 1.5}'))
    assert "`ver` 无效：不是整数" in world.run("verify", env=CHINESE).err
    world.put(world.seal(b'{"ver": 1, '))
    assert "不是 JSON（第" in world.run("verify", env=CHINESE).err
    os.mkfifo(world.folder / "pipe")
    assert "不是普通文件" in world.run("install", str(world.folder / "pipe"), env=CHINESE).err
    assert "名过长" in world.run("install", "x" * 5000, env=CHINESE).err
    (world.conf / "hostseal.toml").write_text("nonsense = 1\n", "ascii")
    world.put()
    assert "未知的设置项：nonsense" in world.run("verify", env=CHINESE).err


@pytest.mark.parametrize("damage", [None, b"", b"\xde\x12\x04\x95", b"nonsense"])
@pytest.mark.python_only("functions of the client in Python")
def test_missing_or_damaged_catalogue_falls_back_to_english(
    damage: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locale").mkdir()
    if damage is not None:
        (tmp_path / "locale" / "zh.mo").write_bytes(damage)
    monkeypatch.setattr(client_language, "__file__", str(tmp_path / "voice.py"))
    client_language.speak("zh")
    assert client_language.tr("never") == "never"


def test_chinese_on_an_ascii_terminal_causes_no_traceback(present: World) -> None:
    done = subprocess.run(
        [*PROGRAM, *present.options(), "--lang", "zh", "verify"],
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert done.returncode == code("license-missing")
    assert b"Traceback" not in done.stderr
