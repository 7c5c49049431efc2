"""Pasted host key lines: the right key is read from what programs left of them, or none."""

from random import Random

import pytest

from license_core import hostline, received, request
from license_core.checkcode import check_of
from license_core.errors import LicenseError, RequestDamagedError, RequestUnreadableError
from license_core.request import LicenseRequest
from tests.support.lookalikes import lookalike
from tests.support.pastes import HEX, honest, key_of

SEED = 20261129
SHARE = 0.95
KEY = "16b73b08e56ec496780aefc97174ff42a273df1c"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PGP = "ABCD 1234 EF56 7890 ABCD  1234 EF56 7890 ABCD 1234"


def read(text: str) -> LicenseRequest | None:
    """What the vendor understands; None where it is refused."""
    try:
        return received.parse(text)
    except LicenseError:
        return None


def campaign(count: int) -> dict[str, float]:
    """Shares of *count* honest pastes; asserts that no wrong key is read, of as many lookalikes."""
    chance = Random(SEED)
    understood = named = 0
    for paste in (honest(chance) for _ in range(count)):
        found = read(paste.text)
        assert found is None or found.key == paste.key, paste
        right = found is not None and found.profile == paste.profile
        understood += right
        named += right and found is not None and found.name == paste.name
    wrong = [paste for paste in (lookalike(chance) for _ in range(count)) if read(paste.text)]
    assert wrong == []
    return {"understood": understood / count, "with the hostname": named / count}


def test_no_wrong_key_is_read_and_95_of_100_honest_pastes_are_understood() -> None:
    assert campaign(400)["understood"] >= SHARE


@pytest.mark.torture
def test_no_wrong_key_is_read_from_20_000_pastes_and_95_of_100_are_understood() -> None:
    shares = campaign(20_000)
    print({name: f"{share:.1%}" for name, share in shares.items()})
    assert shares["understood"] >= SHARE


def groups(digits: str, size: int, gap: str = " ") -> str:
    return gap.join(digits[at : at + size] for at in range(0, len(digits), size))


@pytest.mark.parametrize(
    "text",
    [
        groups(DIGEST, 4),
        groups(DIGEST, 8),
        groups(DIGEST, 40, "\n"),
        groups(DIGEST, 40, "\r\n> "),
        f"sha256: {groups(DIGEST, 24, chr(10))}",
        PGP,
        PGP.replace("  ", " "),
        f"{KEY[:36]}\n2026-11-28",
        f"{KEY[:32]}\n13800138",
        f"{KEY[:36]} beef",
        f"{KEY[:20]} {KEY[20:]}",
        f"[=A1=B0{KEY[:38]}\n=A1=B1]",
        f"[=AB=B0{KEY[:38]}\n=A1=B1]",
        "1380013800 1380013801 1380013802 1380013803",
        "20261128 20261129 20261130 20261201 20261202",
        f"https://example.com/commit/{KEY}",
        f"{KEY}-dirty",
        f"x{KEY}",
        f"{KEY}0",
    ],
)
def test_no_key_is_cut_out_of_a_longer_number_or_completed_by_a_neighbour(text: str) -> None:
    assert read(text) is None
    assert read(f"{text}, studio2_gpu") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (groups(DIGEST, 40, "\n"), "part of a longer number"),
        (f"{KEY[:32]}\n13800138", "may not belong together"),
        (PGP, "the fingerprint of a PGP key"),
        ("hello", "the longest run here has 1"),
    ],
)
def test_refusal_says_why_the_digits_are_no_key(text: str, said: str) -> None:
    with pytest.raises(RequestUnreadableError) as refused:
        request.parse(text)
    assert said in refused.value.sentence


@pytest.mark.parametrize(
    "text",
    [
        f"{KEY}\n13800138000\n",
        f"{KEY} 2026",
        f"2026-11-29 10:32 {KEY}",
        f"we added {KEY} to it",
        f"机器码{KEY}，谢谢",
        f"{KEY}\n2026年11月29日",
        f"key={KEY}&n=studio",
        f"host key=3D{KEY}",
        groups(KEY, 8),
        groups(KEY, 8, "\n"),
        f"{groups(KEY[:20], 4)}\n{groups(KEY[20:], 4)}",
        f'"{groups(KEY, 13)}"',
        f"{KEY} {KEY}",
        f"[=22{KEY[:38]}\n{KEY[38:]}=22]",
    ],
)
def test_key_is_read_beside_other_words_and_numbers(text: str) -> None:
    assert request.parse(text).key == KEY


@pytest.mark.parametrize(
    "after",
    [
        " is",
        " please",
        ", please",
        " / studio",
        " 4 GPUs",
        "&n=studio",
        "&quot",
        "\\",
        ' "/"',
        ' "\\"',
        " 4",
        ", 4",
        ' "hostname:"x',
        " studio2_gpu is its name",
        "\n\n\nstudio2_gpu",
        " ?",
        "，请签发",
    ],
)
def test_word_that_is_no_name_is_none(after: str) -> None:
    found = request.parse(f"{KEY}{after}")
    assert (found.key, found.name) == (KEY, None)


@pytest.mark.parametrize(
    "text",
    [
        "{0} studio2_gpu",
        "{0}, studio2_gpu.",
        "[{0}, studio2_gpu]",
        "{0}\tstudio2_gpu\t4",
        "[&quot;{0}&quot;, &quot;studio2_gpu&quot;]",
        "<td>{0}</td><td>studio2_gpu</td>",
        '"[""{0}"", ""studio2_gpu""]"',
        '{{\\"host_key\\": \\"{0}\\", \\"hostname\\": \\"studio2_gpu\\"}}',
        "%5B%22{0}%22%2C%20%22studio2_gpu%22%5D",
        "[=22{0}=22,=20=22studio2=\n_gpu=22]",
        "主机名：studio2_gpu 机器码：{0}\n主机名：studio2_gpu",
        "\x1b[32m{0}\x1b[0m \x1b[1mstudio2_gpu\x1b[0m",
        "> **{0}**, **studio2_gpu**",
        '["{0}", "STUDIO2_GPU <http://studio2_gpu/>"]',
        '{0}\n["{0}", "studio2_gpu"]\n{0}',
    ],
)
def test_hostname_is_read_from_what_a_program_left_of_it(text: str) -> None:
    found = request.parse(text.format(KEY))
    assert (found.key, found.name) == (KEY, "studio2_gpu")


@pytest.mark.parametrize(
    "name", ["studio2_gpu", "a", None, "工作站", "a b", "\u3164", 'x"y', "-", "a\nb"]
)
@pytest.mark.parametrize("profile", ["hk1", "hk1-host"])
def test_line_with_a_check_code_reads_as_without(name: str | None, profile: str) -> None:
    plain = request.parse(hostline.write(KEY, name, profile))
    assert request.parse(hostline.write(KEY, name, profile, check=True)) == plain
    assert plain.profile == profile or name == 'x"y'  # a quote in a name ends it


def test_check_code_finds_every_wrong_character_and_every_swap() -> None:
    chance = Random(SEED)
    for name in ("studio2_gpu", "工作站-7"):
        key = key_of(chance)
        text, right = f"{key}{name}", check_of(key, name, "hk1")
        changed = {
            text[:at] + other + text[at + 1 :] for at in range(len(text)) for other in f"{HEX}z-站"
        }
        changed |= {
            text[:at] + text[at + 1] + text[at] + text[at + 2 :] for at in range(len(text) - 1)
        }
        changed.discard(text)
        codes = {check_of(wrong[:40], wrong[40:], "hk1") for wrong in changed}
        assert len(changed) > 600
        assert right not in codes
        assert right != check_of(key, name, "hk1-host")


def test_wrong_digit_is_told_with_what_to_do() -> None:
    line = hostline.write(KEY, "studio2_gpu", check=True).replace("16b7", "16b1")
    with pytest.raises(RequestDamagedError) as damaged:
        request.parse(line)
    assert "at least one character is wrong" in damaged.value.sentence
    assert "send it again" in damaged.value.remedy()


def test_line_as_it_was_printed_reads_alike_by_both_ways() -> None:
    chance = Random(SEED)
    for _ in range(200):
        name = "".join(chance.choices("0123456789abcdef._-", k=chance.randrange(1, 12)))
        line = hostline.write(key_of(chance), name, chance.choice(["hk1", "hk1-host"]))
        assert read(line) == read(f"{line}.")
