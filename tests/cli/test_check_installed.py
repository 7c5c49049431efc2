"""``check_installed``: what a product gets to know about its licence."""

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from license_core import Report, check_installed, hostkey
from license_core.errors import LicenseError
from license_core.license import HostBinding
from license_core.probe import read_facts
from license_core.watched import Watched
from tests.support.cli import DAY, NOW, NUMBER, World
from tests.support.secrets import Secret

OF_TERM = {"license-not-yet-valid", "expires-soon", "in-grace", "license-expired"}
pytestmark = pytest.mark.python_only("the library of Python")


def test_check_installed_returns_the_entitlements_of_the_current_file(world: World) -> None:
    def look() -> tuple[bool, tuple[str, ...], dict[str, int]]:
        report = check_installed(world.conf, world.keys, root=world.host, now=NOW + DAY)
        return report.ok, report.features, dict(report.limits)

    assert look() == (False, (), {})
    world.put()
    assert look() == (True, ("export",), {"gpus": 4})
    world.put(world.file(world.claims(features=("train",), limits={"gpus": 8})))
    assert look() == (True, ("train",), {"gpus": 8})
    world.put(world.file(world.claims(aud="other")))
    assert look() == (False, (), {})


def test_product_argument_overrides_hostseal_toml(world: World) -> None:
    world.put(world.file(world.claims(aud="cheaper")))
    (world.conf / "hostseal.toml").write_text('product = "cheaper"\n')
    folders = (world.conf, world.keys)
    assert check_installed(*folders, root=world.host, now=NOW + DAY).ok
    report = check_installed(*folders, product="darwin", root=world.host, now=NOW + DAY)
    assert [error.slug for error in report.problems] == ["wrong-product"]


def test_require_valid_raises_the_primary_problem(world: World) -> None:
    from license_core.errors import LicenseMissingError

    with pytest.raises(LicenseMissingError):
        check_installed(world.conf, world.keys, root=world.host).require_valid()


def test_a_kept_report_raises_an_error_of_its_own_each_time(world: World) -> None:
    """Whoever logs one may do so while another thread raises the next."""
    report = check_installed(world.conf, world.keys, root=world.host)

    def raised() -> LicenseError:
        with pytest.raises(LicenseError) as caught:
            report.require_valid()
        return caught.value

    first, second = raised(), raised()
    assert first.__traceback__ is not None
    assert first is not second
    assert vars(first) == vars(second) == vars(report.problems[0])
    assert str(first) == str(second) == str(report.problems[0])
    assert report.problems[0].__traceback__ is None


def test_package_that_is_missing_is_a_problem_of_the_report(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put()
    (world.conf / "hostseal.toml").write_text("released = 2026-11-01\n")
    monkeypatch.setitem(sys.modules, "tomllib" if sys.version_info >= (3, 11) else "tomli", None)
    report = check_installed(world.conf, world.keys, root=world.host, now=NOW + DAY)
    assert [error.slug for error in report.problems] == ["dependency-missing"]


def settled(look: Callable[[], Report]) -> Report:
    """The answer, once it is kept: what was just written may be written again unseen."""
    for _ in range(10_000):
        report = look()
        if look() is report:
            return report
    raise AssertionError("no answer is kept")


def seen(report: Report) -> list[tuple[str, str]]:
    """What a report says."""
    said = [(one.slug, one.sentence) for one in report.problems]
    return said + [(one.slug, one.sentence) for one in report.notices]


@pytest.fixture
def look(world: World) -> Callable[..., Report]:
    """``check_installed`` on the host of this process, of which alone anything is kept."""

    def check(now: int = NOW + DAY) -> Report:
        return check_installed(world.conf, world.keys, now=now)

    return check


def test_answer_is_kept_while_nothing_changes(world: World, look: Callable[..., Report]) -> None:
    world.put()
    first = settled(look)
    assert first.license
    assert look() is first
    elsewhere = check_installed(world.conf, world.keys, product="other", now=NOW + DAY)
    assert "wrong-product" in [error.slug for error in elsewhere.problems]
    assert look() is first


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("license.dat", "license-block-missing"),
        ("hostseal.toml", "wrong-product"),
        ("license.revocations", "license-revoked"),
        ("license.trust", "trust-invalid"),
        ("license.state", "memory-invalid"),
        ("license.pin", "pinned-address-invalid"),
        ("../keys/root.pub.pem", "trusted-key-invalid"),
        ("../keys/next.pub.pem", "trusted-key-invalid"),
    ],
)
def test_every_file_that_was_read_counts_from_the_next_call_on(
    world: World, look: Callable[..., Report], name: str, slug: str
) -> None:
    world.put()
    kept = settled(look)
    contents = {
        "hostseal.toml": b'product = "other"\n',
        "license.revocations": world.revocations(NUMBER),
    }
    path = world.conf / name
    before = path.read_bytes() if path.exists() else None
    path.write_bytes(contents.get(name, b"nothing"))
    assert slug in [said for said, _ in seen(look())]
    if before is None:
        path.unlink()
    else:
        path.write_bytes(before)
    assert seen(look()) == seen(kept)


def test_states_change_in_time_though_the_answer_is_kept(
    world: World, look: Callable[..., Report]
) -> None:
    end = NOW + 40 * DAY
    claims = world.claims(exp=end, notify_from=end - 9 * DAY, grace_until=end + 5 * DAY)
    here = hostkey.derive(read_facts("/", os.environ))
    binding = HostBinding(here.key, here.hostname)  # of a licence that holds alone it is said
    world.put(world.file(claims._replace(host=binding, limits=None)))
    settled(look)
    told = []
    for at in (-1, 0, 31 * DAY - 1, 31 * DAY, 40 * DAY - 1, 40 * DAY, 45 * DAY - 1, 45 * DAY):
        slugs = {slug for slug, _ in seen(look(NOW + at))}
        told.append(" ".join(sorted(slugs & OF_TERM)))
    assert told == [
        "license-not-yet-valid",
        "",
        "",
        "expires-soon",
        "expires-soon",
        "in-grace",
        "in-grace",
        "license-expired",
    ]


def test_variables_count_from_the_next_call_on(
    world: World, look: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put()
    settled(look)
    monkeypatch.setenv("LICENSE_PINNED_IP", "nowhere")
    assert "pinned-address-invalid" in [slug for slug, _ in seen(look())]
    monkeypatch.setenv("LICENSE", "accept")
    assert [slug for slug, _ in seen(look())] == ["license-block-missing"]


def test_host_is_probed_at_most_once_a_second(
    world: World, look: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    probed: list[str] = []
    clock, name_of = [1000.0], os.uname

    def uname() -> os.uname_result:
        probed.append("once")
        return name_of()

    monkeypatch.setattr(os, "uname", uname)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    world.put()
    for second in range(3):
        clock[0] += 1.0
        for at in range(20):
            look(NOW + at)
        assert len(probed) == second + 1


def test_swapped_secret_is_in_force_at_once_and_a_half_written_file_never(
    world: World, look: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = Secret(tmp_path / "secret")
    numbers = [f"HS-{number}" for number in range(8)]
    files = [world.file(world.claims(jti=number)) for number in numbers]
    secret.swap({"bought.lic": files[0]})
    monkeypatch.setenv("LICENSE_FILE", secret.env("bought.lic")["LICENSE_FILE"])
    for number, data in zip(numbers, files, strict=True):
        secret.swap({"bought.lic": data})
        assert number_of(look()) == number
        assert number_of(look()) == number
    whole = files[0]
    path = secret.folder / "bought.lic"
    for size in range(0, len(whole), len(whole) // 12):
        with path.open("wb") as stream:  # as `cp` writes: the former is gone at once
            stream.write(whole[:size])
            stream.flush()
            assert number_of(look()) is None
            stream.write(whole[size:])
        assert number_of(look()) == numbers[0]


def test_file_that_has_just_changed_is_not_relied_on(tmp_path: Path) -> None:
    changed, missing = tmp_path / "changed", str(tmp_path / "missing")
    changed.touch()
    files = Watched.of([str(changed), missing])
    at = changed.stat().st_ctime_ns
    assert not files.is_settled(at + 50_000_000)
    assert files.is_settled(at + 150_000_000)
    assert files.is_unchanged()
    changed.with_name("missing").touch()
    assert not files.is_unchanged()


def test_threads_see_one_licence_or_the_other_and_then_the_last(
    world: World, look: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = Secret(tmp_path / "secret")
    files = {number: world.file(world.claims(jti=number)) for number in ("HS-A", "HS-B")}
    secret.swap({"license.dat": files["HS-A"]})
    monkeypatch.setenv("LICENSE_FILE", secret.env()["LICENSE_FILE"])
    answers: list[set[str | None]] = []
    ended = threading.Event()

    def ask() -> None:
        found = {number_of(look())}
        while not ended.is_set():
            found.add(number_of(look()))
        answers.append(found)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in [*files] * 5:
        secret.swap({"license.dat": files[number]})
        assert number_of(look()) == number
    ended.set()
    for thread in threads:
        thread.join()
    assert len(answers) == len(threads)
    assert all(found <= {*files} for found in answers)


def test_forked_process_goes_on_with_what_is_kept_and_sees_what_changes(
    world: World, look: Callable[..., Report]
) -> None:
    world.put()
    first = settled(look)
    (told, tell), (ready, go) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.write(tell, b"=" if look() is first else b"!")
        os.read(ready, 1)
        os._exit(0 if number_of(look()) == "HS-LATER" else 1)
    assert os.read(told, 1) == b"="
    world.put(world.file(world.claims(jti="HS-LATER")))
    os.write(go, b"!")
    assert os.waitpid(child, 0)[1] == 0
    for end in (told, tell, ready, go):
        os.close(end)
    assert number_of(look()) == "HS-LATER"


@pytest.mark.parametrize("count", [24, pytest.param(1000, marks=pytest.mark.torture)])
def test_kept_answer_is_that_of_a_process_that_asks_for_the_first_time(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Files are swapped, written over and taken away, and time goes on, at random."""
    chance = random.Random(count)
    secret = Secret(tmp_path / "secret")
    end = NOW + 2 * DAY
    licences = [
        world.file(world.claims(jti=number, exp=end, grace_until=end + DAY, aud=product))
        for number in (NUMBER, "HS-OTHER")
        for product in ("darwin", "other")
    ]
    contents = {
        world.conf / "hostseal.toml": [b'product = "darwin"\n', b'product = "other"\n', b"="],
        world.conf / "license.revocations": [world.revocations(NUMBER), world.revocations("x")],
        world.conf / "license.trust": [b"", world.keyset().encode()],
        world.conf / "license.pin": [b"10.0.0.1", b"nowhere"],
        world.keys / "root.pub.pem": [(world.keys / "root.pub.pem").read_bytes(), b"none"],
    }
    secret.swap({"license.dat": licences[0]})
    monkeypatch.setenv("LICENSE_FILE", secret.env()["LICENSE_FILE"])
    now = NOW

    def check(keys: Path = world.keys) -> Report:
        return check_installed(world.conf, keys, now=now)

    def asked(keys: Path) -> list[tuple[str, str]]:
        report = check(keys)
        return [("", f"{report.now} {report.source} {number_of(report)}"), *seen(report)]

    for turn in range(count):
        deed = chance.randrange(6)
        path = chance.choice([*contents])
        if deed == 0:
            secret.swap({"license.dat": chance.choice([*licences, b"none"])})
        elif deed == 1:
            (secret.folder / "license.dat").write_bytes(chance.choice(licences)[: turn % 3000])
        elif deed == 2:
            path.unlink(missing_ok=True)
        elif deed == 3:
            fresh = path.with_suffix(".new")
            fresh.write_bytes(chance.choice(contents[path]))
            fresh.rename(path)
        elif deed == 4:
            path.write_bytes(chance.choice(contents[path]))
        else:
            now += chance.choice([0, 0, 1, DAY])
        # Another name of the same folder: of that nothing is kept yet.
        named = tmp_path / f"keys-{turn}"
        named.symlink_to(world.keys)
        told = [(slug, words.replace(str(named), str(world.keys))) for slug, words in asked(named)]
        named.unlink()
        assert asked(world.keys) == told, (turn, deed, path)
        if turn % 4 == 0:  # so that the next deed is done to an answer that is kept
            settled(check)


def number_of(report: Report) -> str | None:
    """Of the licence that was verified."""
    return report.license.jti if report.license else None
