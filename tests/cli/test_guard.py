"""A product that is watched: it runs while the licence holds, and not a check longer."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from license_cli.watch import (
    TRIES,
    UNCHECKED,
)
from tests.support.cli import DAY, PROGRAM, World, code
from tests.support.guards import SECONDS, Client, Start, answer, ended, say
from tests.support.secrets import Secret
from tests.support.unprivileged import unprivileged


def test_guard_stops_the_program_when_the_licence_expires(
    client: Client, watch: Start, world: World, tmp_path: Path
) -> None:
    holds = say(answer(world))
    client.says(holds, holds, holds, say(answer(world, 40), 40))
    ending = f'echo "$LICENSE_EXIT_CODE" >"{tmp_path}/ended"'
    process = watch(client, "sh", "-c", "echo pid $$; exec sleep 1000", on_end=ending)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 40
    assert (tmp_path / "ended").read_text() == "40\n"
    assert "     It is over.\n     Renew it.\n" in err
    ended(int(out.split()[1]))


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        "echo nonsense; exit 0",
        "echo null; exit 0",
        "echo '{}'; exit 0",
        'echo \'{"ok": true, "problems": [], "notices": [], "license": null}\'; exit 0',
        "kill -9 $$",
        "sleep 1000",
        "exit 1",
    ],
)
def test_guard_does_not_start_the_program_after_a_failed_check(
    client: Client, watch: Start, script: str
) -> None:
    limit = 0.5 if script.startswith("sleep") else SECONDS
    process = watch(client.says(script), "echo", "started", seconds=limit)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode in (UNCHECKED, 1)
    assert "started" not in out
    assert "Could not check the licence" in err or "no longer valid" in err
    assert "Traceback" not in err
    assert client.checks == 1 or (limit < SECONDS and client.checks == 0)  # ended before it began


def test_guard_does_not_start_the_program_without_a_client(watch: Start) -> None:
    process = watch("/nonexistent", "echo", "started")
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (UNCHECKED, "")
    assert "could not be started: /nonexistent: No such file or directory." in err


def test_guard_rejects_an_answer_that_contradicts_its_exit_code(
    client: Client, watch: Start, world: World
) -> None:
    process = watch(client.says(say(answer(world, 40), 0)), "echo", "started")
    out, _ = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (UNCHECKED, "")


def test_guard_retries_a_failed_check_and_gives_up_after_several(
    client: Client, watch: Start, world: World
) -> None:
    holds = say(answer(world))
    client.says(holds, "kill -9 $$", "exit 1", holds, *["exit 1"] * TRIES, holds, "exit 1")
    process = watch(client, "sleep", "1000")
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == UNCHECKED
    assert client.checks == 4 + TRIES + 1 + TRIES + 1
    assert "killed by signal 9" in err


def test_guard_does_not_retry_once_the_licence_is_invalid(
    client: Client, watch: Start, world: World
) -> None:
    client.says(say(answer(world)), say(answer(world, 30), 30))
    process = watch(client, "sleep", "1000")
    process.communicate(timeout=SECONDS)
    assert (process.returncode, client.checks) == (30, 2)


@pytest.mark.parametrize("ending", [0, 7])
def test_guard_exits_with_the_exit_code_of_the_program(
    client: Client, watch: Start, world: World, ending: int
) -> None:
    client.says(say(answer(world)))
    process = watch(client, "sh", "-c", f"exit {ending}", interval=1000)
    process.communicate(timeout=SECONDS)
    assert process.returncode == ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_guard_forwards_signals_to_the_program(
    client: Client, watch: Start, world: World, number: signal.Signals
) -> None:
    client.says(say(answer(world)))
    script = (
        f"trap 'echo caught; exit 9' {number.name[3:]}; echo ready; while :; do sleep 0.01; done"
    )
    process = watch(client, "sh", "-c", script, interval=1000)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (9, "caught\n")


def test_guard_kills_a_program_that_ignores_sigterm(
    client: Client, watch: Start, world: World
) -> None:
    client.says(say(answer(world)), say(answer(world, 40), 40))
    script = "trap '' TERM; echo $$; while :; do sleep 0.1; done"
    process = watch(client, "sh", "-c", script, patience=0.5)
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 40
    ended(int(out))


def test_guard_stops_the_program_before_on_end_and_limits_its_time(
    client: Client, watch: Start, world: World, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    until = f"until [ -s '{pid}' ]; do sleep 0.01; done\n"
    client.says(say(answer(world)), until + say(answer(world, 40), 40))
    ending = f'kill -0 "$(cat "{pid}")" && echo runs; echo $$; trap "" TERM; sleep 1000'
    program = f'echo $$ >"{pid}"; exec sleep 1000'
    process = watch(client, "sh", "-c", program, on_end=ending, patience=4)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 40
    ended(int(pid.read_text()))
    ended(int(out))  # and nothing else: the program did not run any more
    assert "--on-end command did not finish within 4 seconds" in err


@pytest.mark.parametrize(
    ("leader", "exit_code"), [("wait", 40), ("exit 3", 3)], ids=["the licence", "the leader"]
)
def test_guard_kills_the_child_processes_of_the_program(
    client: Client, watch: Start, world: World, tmp_path: Path, leader: str, exit_code: int
) -> None:
    pid = tmp_path / "pid"
    until = f"until [ -s '{pid}' ]; do sleep 0.01; done\n"
    client.says(say(answer(world)), until + say(answer(world, 40), 40))
    child = f"trap '' TERM; echo $$ >'{pid}'; while :; do sleep 0.1; done"
    script = f'sh -c "$1" & {until}{leader}'
    process = watch(client, "sh", "-c", script, "sh", child, patience=0.5)
    process.communicate(timeout=SECONDS)
    assert process.returncode == exit_code
    ended(int(pid.read_text()))


def test_killing_the_guard_kills_the_program(client: Client, watch: Start, world: World) -> None:
    client.says(say(answer(world)))
    process = watch(client, "sh", "-c", "echo $$; exec sleep 1000", interval=1000)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.kill()
    process.wait(SECONDS)
    ended(pid)
    process.communicate()


def test_guard_without_a_program_stops_on_sigterm(
    client: Client, watch: Start, world: World, tmp_path: Path
) -> None:
    client.says(say(answer(world)))
    process = watch(client, interval=1000, on_end=f'touch "{tmp_path}/ended"')
    assert process.stderr is not None
    line = process.stderr.readline()
    assert re.fullmatch(r"\[N\]: [0-9-]{10} [0-9:]{8} UTC: Licence state: active\.\n", line)
    process.terminate()
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert not (tmp_path / "ended").exists()


def parsed(text: bytes) -> dict[str, float]:
    lines = (line for line in text.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_guard_command_runs_the_program_and_writes_metrics(present: World, tmp_path: Path) -> None:
    present.put()
    metrics = tmp_path / "license.prom"
    line = [*PROGRAM, *present.options(), "guard", "--metrics", str(metrics)]
    done = subprocess.run(
        [*line, "--", "sh", "-c", "echo up --json; exit 3"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (3, "up --json\n"), done.stderr
    assert parsed(metrics.read_bytes())['license_state{state="active"}'] == 1


def test_guard_command_starts_nothing_without_a_licence(present: World) -> None:
    line = [*PROGRAM, *present.options(), "guard", "--", "echo", "up"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code("license-missing"), ""), done.stderr
    assert "There is no licence file at" in done.stderr


def test_guard_command_reports_problems_in_the_operators_language(present: World) -> None:
    done = present.spawn("guard", env={"PATH": os.environ["PATH"], "LC_ALL": "zh_CN.UTF-8"})
    assert done.returncode == code("license-missing")
    told = done.stderr.decode()
    assert "处没有许可证文件。" in told
    assert "如果已有许可证文件" in told
    assert "There is no licence" not in told


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nosuchprog", "there is no such file"),
        ("plain", "it is not executable"),
        ("folder", "it is a folder"),
        ("empty-of-meaning", "it is neither a program"),
        ("barred/plain", "this user may not enter "),
    ],
)
def test_guard_command_explains_why_a_program_cannot_be_started(
    present: World, name: str, why: str
) -> None:
    present.put()
    (present.folder / "plain").write_text("#!/bin/sh\n")
    (present.folder / "folder").mkdir()
    (present.folder / "empty-of-meaning").write_bytes(b"\0")
    (present.folder / "empty-of-meaning").chmod(0o755)
    (present.folder / "barred").mkdir(mode=0)
    program = name if name == "nosuchprog" else f"./{name}"
    line = [*unprivileged(), *PROGRAM, *present.options(), "guard", "--", program]
    done = subprocess.run(line, cwd=present.folder, capture_output=True, text=True)
    assert done.returncode == code("program-not-started")
    assert f"[E]: Cannot start {program}: {why}" in done.stderr
    assert "bug in Hostseal" not in done.stderr


def test_metrics_that_cannot_be_written_are_told_with_what_helps(
    client: Client, watch: Start, world: World, tmp_path: Path
) -> None:
    process = watch(client.says(say(answer(world))), "true", metrics=str(tmp_path), interval=1000)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert f"[W]: Cannot write metrics to {tmp_path}: Is a directory.\n     Name a file" in err


def test_guard_command_marks_the_state_as_a_warning_near_expiry(present: World) -> None:
    present.put(present.file(present.claims(exp=present.now + 5 * DAY)))
    done = present.spawn("guard", "--", "true")
    assert done.returncode == 0
    assert re.match(r"\[W\]: .* UTC: Licence state: active\.\n     ", done.stderr.decode())


def test_guard_takes_a_renewed_licence_or_revocation_at_once_and_a_worse_one_at_its_interval(
    client: Client, watch: Start, world: World, tmp_path: Path
) -> None:
    secret, looked = Secret(tmp_path / "secret"), tmp_path / "looked"
    os.mkfifo(looked)
    secret.swap({"license.dat": b"first"})
    revoked = say(answer(world, 43), 43)
    worse = f"echo >'{looked}'\n" + say(answer(world, 30), 30)
    client.says(say(answer(world)), worse, say(answer(world, jti="HS-RENEWED")), revoked)
    files = [str(secret.folder / "license.dat"), str(tmp_path / "license.revocations")]
    process = watch(client, "sleep", "1000", interval=1000, files=files)
    assert process.stderr is not None
    assert "Licence state: active" in process.stderr.readline()
    secret.swap({"license.dat": b"worse"})
    assert looked.read_text() == "\n"
    secret.swap({"license.dat": b"renewed"})
    assert "Licence state: active" in process.stderr.readline()
    assert "The licence is now HS-RENEWED" in process.stderr.readline()
    Path(files[1]).write_bytes(b"a list")
    assert process.wait(SECONDS) == 43
    process.communicate(timeout=SECONDS)
    assert client.checks == 5  # a look, and the check that it made due
