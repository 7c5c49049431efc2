"""Writes the test vectors: ``python -m tests.vectors.generate``. Always the same bytes."""

from collections.abc import Iterator
from pathlib import Path

from license_core import (
    armor,
)
from tests.vectors import damage
from tests.vectors.corners import corners
from tests.vectors.hosts import hosts
from tests.vectors.judging import policies
from tests.vectors.keys import signatures, thumbprints
from tests.vectors.license_files import files, mails, tokens, wrong_claims
from tests.vectors.material import (
    ISSUED,
    OTHER_ROOT,
    ROOT,
    SECOND,
    Case,
    file,
    host_claim,
    keyset,
    license_case,
    payload,
    signing_key,
    token,
)
from tests.vectors.members import licensed
from tests.vectors.requests import texts
from tests.vectors.returns import returns
from tests.vectors.shards import shards
from tests.vectors.telephone_codes import codes
from tests.vectors.trust import keysets, learned, rotations, thresholds

FOLDER = Path(__file__).parent


def licenses() -> Iterator[Case]:
    """Files that hold, and files with one thing wrong."""
    good = file()
    yield license_case("good", good)
    yield license_case("perpetual", file(token(payload(exp=None))), spec="5.2")
    without_end = file(token(payload(exp=None, notify_from=ISSUED)))
    yield license_case("notify-without-end", without_end, spec="5.3")
    yield license_case("unknown-claim", file(token(payload(colour="blue"))), spec="5.2")
    yield license_case("without-tags", file(token(payload(host=host_claim(tags=None)))), spec="5.2")
    yield license_case(
        "retired-key", file(keyset_token=keyset(signing_key(state="retired"))), spec="6.1"
    )
    yield license_case(
        "two-signing-keys",
        file(token(payload(), SECOND), keyset(signing_key(), signing_key(SECOND))),
        spec="6.1",
    )
    newer = armor.wrap(armor.KEYSET, keyset(signing_key(state="revoked"), version=4))
    yield license_case(
        "newest-keyset-counts", good + newer.encode(), "refused signing-key-revoked", spec="6.2"
    )
    foreign = armor.wrap(armor.KEYSET, keyset(root=OTHER_ROOT, version=9))
    yield license_case("foreign-keyset-beside", foreign.encode() + good, spec="6.2")
    later = armor.wrap("LICENSE SEATS", "AAAA").encode()
    yield license_case("unknown-block-beside", good + later, spec="4.1")
    yield from licensed()
    yield from mails()
    yield from files()
    yield from tokens()
    yield from wrong_claims()
    yield from keysets()
    yield from policies()
    yield from shards()
    yield from thresholds()
    yield from rotations()
    yield from learned()
    yield from damage.cases()


def all_files() -> dict[str, bytes]:
    """Every file of this folder that is made here, by its path in it."""
    made = {"root.pub.pem": ROOT.public_key.to_pem().encode()}
    texts_ = (*texts(), *codes(), *returns())
    for case in (*licenses(), *corners(), *hosts(), *texts_, *thumbprints(), *signatures()):
        assert f"{case.name}.txt" not in made, case.name
        made[f"{case.name}.txt"] = case.text()
    return made


def main() -> None:
    """Write the files, and remove those that are made no more."""
    made = all_files()
    for path in FOLDER.rglob("*.txt"):
        if path.relative_to(FOLDER).as_posix() not in made:
            path.unlink()
    for name, data in made.items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_bytes() != data:  # somebody may be reading it
            path.write_bytes(data)
    print(f"{len(made) - 1} cases")


if __name__ == "__main__":
    main()
