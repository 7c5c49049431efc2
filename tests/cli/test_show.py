"""``show``: prints signed content only."""

from license_core import jws
from tests.support import hosts
from tests.support.cli import NUMBER, World, code, new_signer


def test_show_prints_only_signed_content(world: World) -> None:
    world.put()
    done = world.run("show")
    assert done.exit_code == 0
    for said in (NUMBER, "ACME", "darwin", "gpus 4", "export", hosts.HOSTNAME):
        assert said in done.out
    assert "nobody signed" not in done.out


def test_show_prints_nothing_of_a_forged_file(world: World) -> None:
    token = jws.sign(world.claims(sub="EVIL").payload(), new_signer(), jws.LICENSE)
    forged = world.wrap(token, world.keyset())
    world.put(forged.replace(b"For people", b"Licence for EVIL"))
    done = world.run("show")
    assert done.exit_code == code("signing-key-unknown")
    assert "EVIL" not in done.out + done.err
    assert done.out == ""


def test_show_reports_a_licence_for_another_product_as_not_valid(world: World) -> None:
    path = world.write(world.file(world.claims(aud="other")))
    done = world.run("show", path)
    assert done.exit_code == 0
    assert "not valid: The licence is for another product" in done.out
