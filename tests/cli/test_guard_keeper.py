"""A guard as a process among others: as the first one of a container too, and when it is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from license_cli.watch import UNCHECKED
from tests.support.cli import NATIVE, PROGRAM, World
from tests.support.guards import SECONDS, Client, Start, answer, ended, say
from tests.support.namespaces import first_process

OF_GO = {signal.SIGPROF} if NATIVE else set()
"""What the runtime of Go keeps for itself."""
HANDED_ON = sorted(
    set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD} - OF_GO
    | {signal.SIGRTMIN + 3, signal.SIGRTMAX}
)
LISTENS = """
import signal, sys
numbers = set(map(int, sys.argv[1:]))
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
print("ready", flush=True)
for _ in numbers:
    print(int(signal.sigwait(numbers)), flush=True)
"""
LISTENER = (sys.executable, "-c", LISTENS, *map(str, HANDED_ON))


@pytest.fixture(params=["beside others", "the first process"])
def inside(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The command that the guard stands behind: nothing, or a container of its own."""
    if request.param == "beside others":
        return ()
    return first_process()


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def keeper(process: "subprocess.Popen[str]", inside: tuple[str, ...] = ()) -> int:
    """The number of the guard's outer process."""
    return children(process.pid)[0] if inside else process.pid


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_guard_forwards_thirty_signals(
    client: Client, watch: Start, world: World, inside: tuple[str, ...]
) -> None:
    assert len(HANDED_ON) == 30 - len(OF_GO)
    client.says(say(answer(world)))
    process = watch(client, *LISTENER, interval=1000, inside=inside)
    assert said(process) == "ready"
    for number in HANDED_ON:
        os.kill(keeper(process, inside), number)
        assert said(process) == str(number)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def test_sigterm_during_the_first_check_stops_the_guard(
    client: Client, watch: Start, world: World, inside: tuple[str, ...], tmp_path: Path
) -> None:
    go, begun = tmp_path / "go", tmp_path / "begun"
    for pipe in (go, begun):
        os.mkfifo(pipe)
    client.says(f"echo >'{begun}'; read -r _ <'{go}'; {say(answer(world))}")
    process = watch(client, "echo", "started", interval=1000, inside=inside)
    begun.read_text()
    os.kill(keeper(process, inside), signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (0, "", "")


def test_guard_reaps_orphans(
    client: Client, watch: Start, world: World, inside: tuple[str, ...], tmp_path: Path
) -> None:
    client.says(say(answer(world)))
    script = (
        f"cd '{tmp_path}'\n"
        "for n in 0 1 2 3 4 5 6 7 8 9; do (sh -c 'echo $$ >orphan.$1' sh $n &); done\n"
        "for n in 0 1 2 3 4 5 6 7 8 9; do\n"
        "  until [ -s orphan.$n ]; do :; done\n"
        "  while [ -e /proc/$(cat orphan.$n) ]; do :; done\n"  # one that has ended is there as well
        "done\n"
        "echo reaped"
    )
    process = watch(client, "sh", "-c", script, interval=1000, inside=inside)
    out, _ = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, "reaped\n")


FORKS = {
    "a child": [],
    "a daemon": ["fork", "setsid"],
    "a daemon that has forked twice": ["fork", "setsid", "fork"],
    "a group of its own": ["fork", "group"],
}
"""How a product leaves whoever started it: what it does after another, in the new process each."""
FORKING = """
import os, signal, sys, time
note, leader, *steps = sys.argv[1:]
def daemon():
    for step in steps:
        if step == "fork":
            parent = os.getpid()
            if os.fork():
                os._exit(0)
            while os.getppid() == parent:  # until it is gone
                time.sleep(0.01)
        if step == "setsid":
            os.setsid()
        if step == "group":
            os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.close(1)
    os.close(2)
    with open(note + ".new", "w") as stream:
        stream.write("deaf")
    os.rename(note + ".new", note)
    time.sleep(1000)
if os.fork() == 0:
    daemon()
while not os.path.exists(note):
    time.sleep(0.01)
print("forked", flush=True)
if leader == "goes":
    os._exit(3)
time.sleep(1000)
"""


def running(note: Path) -> list[int]:
    """The numbers of the processes of FORKING with *note* that run."""
    found, command = [], [os.fsencode(word) for word in ("-c", FORKING, note)]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = (folder / "cmdline").read_bytes().split(b"\0")[1:4] == command
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if mine and state not in "ZX":
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("leader", ["stays", "goes"])
@pytest.mark.parametrize(
    "how",
    [pytest.param(how, marks=() if "twice" in how else (pytest.mark.torture,)) for how in FORKS],
)
def test_product_that_forks_ends_with_its_licence_and_with_its_leader(
    client: Client,
    watch: Start,
    world: World,
    inside: tuple[str, ...],
    tmp_path: Path,
    how: str,
    leader: str,
) -> None:
    """Where the leader goes, what it left is ended at once: `guard` has no product any more."""
    note, over = tmp_path / "note", tmp_path / "over"
    os.mkfifo(over)
    client.says(say(answer(world)), f"read -r _ <'{over}'; {say(answer(world, 40), 40)}")
    line = (sys.executable, "-c", FORKING, str(note), leader, *FORKS[how])
    interval = 0.05 if leader == "stays" else 1000
    process = watch(client, *line, interval=interval, patience=0.2, inside=inside)
    assert said(process) == "forked"
    if leader == "stays":
        assert len(running(note)) == 2, "the leader, and what it has forked"
        over.write_text("the licence has ended\n")
    process.communicate(timeout=SECONDS)
    assert process.returncode == (40 if leader == "stays" else 3)
    assert running(note) == []


@pytest.mark.parametrize("half", ["the keeper", "the watch"])
@pytest.mark.parametrize("program", [(), ("sh", "-c", "setsid sleep 1000 & echo $!; wait")])
def test_killing_either_guard_process_stops_the_program(
    client: Client,
    watch: Start,
    world: World,
    tmp_path: Path,
    half: str,
    program: tuple[str, ...],
) -> None:
    client.says(say(answer(world)))
    ending = f'echo "$LICENSE_EXIT_CODE" >"{tmp_path}/ended"'
    process = watch(client, *program, interval=1000, on_end=ending)
    assert process.stderr is not None
    assert "active" in process.stderr.readline()
    started = int(said(process)) if program else None
    os.kill(process.pid if half == "the keeper" else children(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=SECONDS)  # whoever has its output has ended too
    assert err == "[E]: One of the processes of the guard was killed; stopping.\n"
    assert process.returncode == (-signal.SIGKILL if half == "the keeper" else UNCHECKED)
    assert (tmp_path / "ended").read_text() == f"{UNCHECKED}\n"
    if started is not None:
        ended(started)


def test_stopped_guard_is_continued(client: Client, watch: Start, world: World) -> None:
    client.says(say(answer(world)), "read -r _; " + say(answer(world, 40), 40))
    process = watch(client, "sh", "-c", "echo; exec sleep 1000", interval=1)
    said(process)
    os.kill(children(process.pid)[0], signal.SIGSTOP)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 40


def test_guard_tolerates_a_licence_file_that_is_briefly_missing(
    client: Client, watch: Start, world: World
) -> None:
    holds, away = say(answer(world)), say(answer(world, 10, readable=False), 10)
    client.says(holds, away, away, holds, away, "exit 1", away, holds, say(answer(world, 40), 40))
    process = watch(client, "sleep", "1000", gap=SECONDS)
    process.communicate(timeout=SECONDS)
    assert (process.returncode, client.checks) == (40, 9)


def test_guard_stops_the_program_when_the_licence_file_stays_missing(
    client: Client, watch: Start, world: World
) -> None:
    holds, away = say(answer(world)), say(answer(world, 10, readable=False), 10)
    process = watch(client.says(holds, away), "sleep", "1000", gap=0.3)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 10
    assert client.checks > 3


def test_guard_sees_a_licence_swapped_by_kubernetes(present: World) -> None:
    """A Secret is a folder of links through ``..data``, which is what is swapped (kubelet)."""

    def publish(name: str, number: str) -> None:
        (present.conf / name).mkdir()
        licence = present.file(present.claims(jti=number))
        (present.conf / name / "license.dat").write_bytes(licence)
        (present.conf / "..data_tmp").symlink_to(name)
        (present.conf / "..data_tmp").rename(present.conf / "..data")

    publish("..2026_1", "HS-1")
    present.license.symlink_to("..data/license.dat")
    line = [*PROGRAM, *present.options(), "guard", "--interval", "1"]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "active" in process.stderr.readline()
    publish("..2026_2", "HS-2")
    lines = iter(process.stderr.readline, "")
    assert any("The licence is now HS-2." in one for one in lines)
    process.terminate()
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0
