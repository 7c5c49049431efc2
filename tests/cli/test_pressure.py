"""Under pressure: little memory, closed streams, a folder that cannot be read, an old terminal."""

import os
import shlex
import subprocess
import sys

import pytest

from tests.support.cli import Done, World, code, started
from tests.support.unprivileged import unprivileged

CHINESE = {"LANG": "zh_CN.GBK", "PATH": os.environ["PATH"]}


def in_shell(world: World, before: str, command: str, after: str = "", **more: object) -> Done:
    """A command of the client in a shell that has done something *before*."""
    words = shlex.join([*started(command.split(maxsplit=1)[0]), *world.options()])
    line = f"{before} {words} {command} {after}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, **more)  # type: ignore[call-overload]
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    "kilobytes", [*range(16_000, 30_000, 2_000), *range(30_000, 32_000, 250), 34_000, 36_000]
)
@pytest.mark.python_only("charsets and the memory of Python")
def test_little_memory_is_told_without_a_traceback_and_is_no_defect(
    present: World, kilobytes: int
) -> None:
    """Near 31,000 there is room to load the library that verifies, and none for it to work."""
    present.put()
    limit = f"ulimit -v {kilobytes};"
    for command in ("verify", "get_host_key"):
        done = in_shell(present, limit, command)
        if done.exit_code not in (0, code("memory-exhausted")):
            plain = ["sh", "-c", f"{limit} exec {sys.executable} -c pass"]
            assert subprocess.run(plain, capture_output=True).returncode, done.err
            continue  # Python itself does not start
        assert "Traceback" not in done.err, done.err
        assert done.exit_code == 0 or "too little memory" in done.err


@pytest.mark.parametrize("command", ["get_host_key", "request", "show", "doctor"])
def test_an_answer_that_nobody_can_read_is_no_success(present: World, command: str) -> None:
    present.put()
    done = in_shell(present, "", command, ">&-")
    assert done.exit_code == code("output-failed")
    assert "standard output: it is closed" in done.err


def test_what_is_done_without_an_answer_needs_no_output(present: World) -> None:
    source = present.write(present.file())
    for command in (f"install {source}", "verify", "request -o /dev/null", "doctor --bundle x"):
        done = in_shell(present, f"cd {present.folder};", command, ">&-")
        assert (done.exit_code, command) == (0, command), done.err


@pytest.mark.parametrize("variable", ["LC_ALL", "LANG"])
@pytest.mark.parametrize("charset", ["GBK", "gb18030", "GB2312"])
@pytest.mark.python_only("charsets and the memory of Python")
def test_a_terminal_in_gbk_is_spoken_to_in_gbk(present: World, variable: str, charset: str) -> None:
    env = {"LANG": "zh_CN.UTF-8", variable: f"zh_CN.{charset}", "LC_MESSAGES": "zh_CN"}
    done = present.spawn("verify", env=env)
    assert "处没有许可证文件" in done.stderr.decode(charset)


@pytest.mark.python_only("charsets and the memory of Python")
def test_a_terminal_without_simplified_characters_is_spoken_to_in_english(present: World) -> None:
    done = present.spawn("--lang=zh", "verify", env=CHINESE | {"LANG": "zh_TW.Big5"})
    assert done.stderr.startswith(b"[E]: There is no licence file at ")


@pytest.mark.python_only("charsets and the memory of Python")
def test_what_python_was_told_of_a_stream_counts(present: World) -> None:
    done = present.spawn("verify", env=CHINESE | {"PYTHONIOENCODING": "utf-8"})
    assert "处没有许可证文件" in done.stderr.decode("utf-8")


@pytest.mark.python_only("charsets and the memory of Python")
def test_a_charset_that_nobody_knows_does_no_harm(present: World) -> None:
    done = present.spawn("verify", env=CHINESE | {"LANG": "zh_CN.XYZ"})
    assert "处没有许可证文件" in done.stderr.decode("utf-8")


@pytest.mark.python_only("doctor, which that client has not got")
def test_doctor_gives_its_page_and_bundle_where_conf_cannot_be_read(present: World) -> None:
    before = shlex.join(unprivileged())
    present.put()
    (present.conf / "requirements.toml").write_text("cpus = 1\n", "ascii")
    present.conf.chmod(0)
    try:
        done = in_shell(present, before, "doctor")
        bundle = present.folder / "support.json"
        bundled = in_shell(present, before, f"doctor --bundle {bundle}")
        key = in_shell(present, before, "get_host_key")
    finally:
        present.conf.chmod(0o755)
    assert done.exit_code == bundled.exit_code == code("file-unreadable"), done.err + bundled.err
    said = " ".join(done.out.split())
    for name in ("license.dat", "requirements.toml"):
        assert f"conf/{name}: Permission denied" in said
    assert f"This user may not enter {present.conf}" in said
    assert '"file-unreadable"' in bundle.read_text()
    assert key.exit_code == 0
    assert f"[W]: The installed licence ({present.license}) cannot be read" in key.err
