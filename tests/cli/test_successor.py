"""What a successor takes away is said before it is done, and asked about at a terminal."""

from pathlib import Path

import pytest

from license_core.license import License
from tests.support import terminal
from tests.support.cli import DAY, PROGRAM, World, code

NEXT = "HS-2027-0000NEXT"


def successor(world: World, **changes: object) -> License:
    given = {"jti": NEXT, "iat": world.now + 10, "nbf": world.now + 10, "replaces": None}
    return world.claims(**given | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"features": ()}, "without export"),
        ({"limits": {"gpus": 2}}, "gpus 2 instead of 4"),
        ({"limits": {"gpus": 4, "seats": 5}}, "seats limited to 5"),
        ({"exp": 1_800_000_000 + 9 * DAY}, "until 2027-01-24 08:00:00 UTC instead of 2028-01-15"),
        ({"maintenance_until": 1_800_000_000}, "for versions released until 2027-01-15"),
    ],
    ids=str,
)
def test_a_script_that_agrees_installs_a_licence_that_grants_less_and_is_told_what_goes(
    world: World, changes: dict[str, object], words: str
) -> None:
    former, less = world.file(), world.file(successor(world, **changes))
    world.put(former)
    source = world.write(less)
    refused, answer = world.run("install", source), world.json("install", source)
    assert refused.exit_code == answer.exit_code == code("usage")
    assert "without a terminal nobody can be asked. If it is agreed, add --yes." in refused.err
    assert 0 <= refused.err.find("[W]: ") < refused.err.find("[E]: "), "what goes is said first"
    assert (answer.slugs(), answer.notices()) == (["usage"], ["grants-less"])
    assert world.license.read_bytes() == former
    said = f"[W]: Licence {NEXT} grants less than the installed HS-2027-0000TEST: {words}"
    done = world.run("install", "--yes", source)
    assert done.exit_code == 0
    assert said in done.err
    assert said in refused.err
    assert world.license.read_bytes() == less
    world.put(former)
    assert "grants-less" in world.json("install", "--yes", source).notices()


def test_everything_that_goes_is_said_at_once_in_chinese_too(world: World) -> None:
    world.put()
    source = world.write(world.file(successor(world, features=(), limits={"gpus": 1})))
    said = world.run("install", source, env={"LC_ALL": "zh_CN.UTF-8"})
    assert "不含 export；gpus 由 4 减为 1" in said.err


@pytest.mark.parametrize(
    "changes",
    [
        {"features": ("export", "train")},
        {"limits": {"gpus": 8}},
        {"limits": None},
        {"exp": None},
        {"edition": "pro"},
        {"match": "anchored"},
    ],
    ids=str,
)
def test_a_licence_that_grants_as_much_or_more_is_installed_without_a_word(
    world: World, changes: dict[str, object]
) -> None:
    world.put()
    done = world.json("install", world.write(world.file(successor(world, **changes))))
    assert (done.exit_code, "grants-less" in done.notices()) == (0, False)


def test_less_than_a_licence_that_does_not_hold_is_no_loss(world: World) -> None:
    world.put(world.file(world.claims(exp=world.now + 5)))
    done = world.json("install", world.write(world.file(successor(world, features=()))))
    assert (done.exit_code, "grants-less" in done.notices()) == (0, False)


def test_a_licence_that_was_replaced_is_known_again(world: World) -> None:
    first = world.file()
    world.put(world.file(successor(world, replaces="HS-2027-0000TEST", iat=world.now)))
    assert "former-again" in world.json("install", world.write(first)).notices()
    world.put(world.file(successor(world)))
    assert "former-again" in world.json("install", "--yes", world.write(first)).notices()
    assert "former-again" not in world.json("install", world.write(first)).notices()


def at_terminal(world: World, answer: bytes, *arguments: str) -> tuple[int, str]:
    """The client at a terminal, where somebody types *answer*: its exit code and all it says."""
    line = [*PROGRAM, *world.options(), *arguments]
    return terminal.answered(line, answer)


@pytest.mark.parametrize(
    ("answer", "more", "exit_code", "is_installed"),
    [
        (b"y\n", (), 0, True),
        (b"n\n", (), 130, False),
        (b"\n", (), 130, False),
        (b"", ("--yes",), 0, True),
    ],
)
def test_a_person_is_asked_and_nothing_happens_before_the_answer(
    present: World, answer: bytes, more: tuple[str, ...], exit_code: int, is_installed: bool
) -> None:
    former = present.file()
    present.put(former)
    less = present.file(successor(present, features=(), iat=present.now, nbf=present.now))
    code_, said = at_terminal(present, answer, "install", present.write(less), *more)
    assert code_ == exit_code, said
    assert "grants less" in said
    assert ("Install it all the same?" in said) is (not more)
    assert present.license.read_bytes() == (less if is_installed else former)
    assert ("Nothing was installed." in said) is (not is_installed)


def test_a_refusal_says_that_the_installed_licence_stays(world: World) -> None:
    bad = world.write(world.file(successor(world, aud="other")))
    assert "unchanged" not in world.run("install", bad).err, "there is none yet"
    world.put()
    done = world.run("install", bad)
    assert done.exit_code == code("wrong-product")
    assert done.err.endswith(f"[N]: The installed licence is unchanged: {world.license}.\n")
    (world.keys / "root.pub.pem").unlink()
    assert "[N]: The installed licence is unchanged" in world.run("install", bad).err


def test_in_its_grace_a_licence_does_not_hold_until_a_day_that_is_over(world: World) -> None:
    end = world.now + 9 * DAY
    world.put(world.file(world.claims(exp=end, grace_until=end + 9 * DAY)))
    first = world.run("verify", now=end + DAY).out.splitlines()[0]
    assert "in its grace period, until 2027-02-02 08:00:00 UTC (8 days left)" in first
    assert "in its grace period" in world.run("show", now=end + DAY).out


@pytest.mark.parametrize("line", ["verify --json", "--json verify", "verify --json --explain"])
def test_an_option_of_every_command_stands_where_one_types_it(world: World, line: str) -> None:
    world.put()
    assert world.run(*line.split()).json()["ok"] is True


def test_the_options_after_the_command_count_like_those_before_it(
    present: World, tmp_path: Path
) -> None:
    present.put()
    done = present.run("show", "--conf", str(tmp_path / "x"), f"--keys={tmp_path}/y")
    assert f"There is no licence file at {tmp_path}/x/license.dat." in done.err
    assert "python cmd/cli.py --conf" in done.err


def test_a_wrapped_file_is_installed_clean_and_named_where_it_was_copied_by_hand(
    world: World,
) -> None:
    clean = world.file()
    wrapped = clean.replace(b"\n", b"\\n")
    world.put(wrapped)
    said = world.run("verify")
    assert said.exit_code == code("license-damaged")
    assert "its line breaks became the two characters \\n; `install` takes the licence" in said.err
    done = world.run("install", world.write(wrapped))
    assert done.exit_code == 0
    assert "[N]: The file is not as your vendor made it: its line breaks" in done.err
    assert b"\\n" not in world.license.read_bytes()
    assert world.run("verify").exit_code == 0


@pytest.mark.parametrize("content", [b"", bytes(700), b"\n\n"])
def test_an_empty_or_zeroed_trust_file_is_noticed_as_half_a_one_is(
    world: World, content: bytes
) -> None:
    world.put()
    (world.conf / "license.trust").write_bytes(content)
    done = world.json("verify")
    assert (done.exit_code, "trust-invalid" in done.notices()) == (0, True)
