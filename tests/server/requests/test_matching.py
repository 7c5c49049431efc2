"""Whose request it is, and for which product: every clue, and what comes before which."""

import pytest

from license_server.requests import matching
from license_server.requests.matching import (
    ADDRESS,
    ALONE,
    DOMAIN,
    GIVEN,
    HOST,
    NEW_NAME,
    NUMBER,
    ONLY,
    REQUEST,
    Clue,
    Known,
)

ACME, OTHER = "ACME", "Other"
LICENSED = (ACME, "darwin")


@pytest.mark.parametrize(
    ("known", "customer", "product"),
    [
        (Known(), None, None),
        (Known(given_customer=OTHER, given_product="p"), (OTHER, GIVEN), ("p", GIVEN)),
        (Known(licensed=LICENSED, by_number=True), (ACME, NUMBER), ("darwin", NUMBER)),
        (Known(licensed=LICENSED), (ACME, HOST), ("darwin", HOST)),
        (Known(asked_customer=ACME, is_customer=True), (ACME, REQUEST), None),
        (Known(asked_customer="Neu GmbH"), ("Neu GmbH", NEW_NAME), None),
        (Known(asked_product="p"), None, ("p", REQUEST)),
        (Known(of_address=(ACME,)), (ACME, ADDRESS), None),
        (Known(of_address=(ACME, OTHER)), None, None),
        (Known(of_domain=(ACME,)), (ACME, DOMAIN), None),
        (Known(of_domain=(ACME, OTHER)), None, None),
        (
            Known(of_address=(ACME,), products_of={ACME: ("darwin",)}),
            (ACME, ADDRESS),
            ("darwin", ALONE),
        ),
        (Known(of_address=(ACME,), products_of={ACME: ("a", "b")}), (ACME, ADDRESS), None),
        (
            Known(of_address=(ACME,), products_of={ACME: ("a", "b")}, all_products=("a",)),
            (ACME, ADDRESS),
            None,
        ),
        (Known(all_products=("darwin",)), None, ("darwin", ONLY)),
        (Known(all_products=("a", "b")), None, None),
    ],
)
def test_each_clue_leads_to_its_customer_and_product(
    known: Known, customer: tuple[str, str] | None, product: tuple[str, str] | None
) -> None:
    found = matching.match(known)
    assert (found.customer, found.product) == (customer, product)
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("known", "by", "doubts"),
    [
        # the number in the text is surer than what the client wrote into its request
        (
            Known(licensed=LICENSED, by_number=True, asked_customer=OTHER, is_customer=True),
            NUMBER,
            [(OTHER, REQUEST)],
        ),
        # … which is surer than a host that looks the same
        (
            Known(licensed=(OTHER, "x"), asked_customer=ACME, is_customer=True),
            REQUEST,
            [(OTHER, HOST)],
        ),
        # a host is surer than whoever wrote the mail
        (Known(licensed=LICENSED, of_address=(OTHER,)), HOST, [(OTHER, ADDRESS)]),
        (Known(of_address=(ACME,), of_domain=(OTHER,)), ADDRESS, [(OTHER, DOMAIN)]),
        # a name that nobody has is the last resort, and no doubt where it is the same
        (Known(of_domain=(ACME,), asked_customer="Neu"), DOMAIN, [("Neu", NEW_NAME)]),
        (Known(of_address=(ACME,), of_domain=(ACME,)), ADDRESS, []),
        # each other customer is told once, by its surest clue
        (
            Known(licensed=LICENSED, of_address=(OTHER,), of_domain=(OTHER,)),
            HOST,
            [(OTHER, ADDRESS)],
        ),
    ],
)
def test_surer_clue_wins_and_the_others_are_doubts(
    known: Known, by: str, doubts: list[tuple[str, str]]
) -> None:
    found = matching.match(known)
    assert found.customer == (ACME, by)
    assert list(found.doubts) == [Clue(*doubt) for doubt in doubts]


def test_what_a_person_said_counts_and_is_told_by_what_else_says_so() -> None:
    said = Known(given_customer=ACME, given_product="darwin")
    assert matching.match(said).customer == (ACME, GIVEN)
    proven = said._replace(of_address=(ACME,), products_of={ACME: ("darwin",)})
    assert matching.match(proven) == (Clue(ACME, ADDRESS), Clue("darwin", ALONE), ())
    other = said._replace(licensed=(OTHER, "x"), by_number=True)
    assert matching.match(other)[::2] == (Clue(ACME, GIVEN), (Clue(OTHER, NUMBER),))


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("li@Nordlicht.example", "nordlicht.example"),
        ("<li@nordlicht.example>", "nordlicht.example"),
        ("li@qq.com", None),
        ("li@163.com", None),
        ("someone@gmail.com", None),
        ("someone@Hotmail.co.uk", None),
        ("someone@yahoo.co.jp", None),
        ("someone@vip.163.com", None),
        ("li@localhost", None),
        ("li", None),
        ("", None),
        (None, None),
    ],
)
def test_domain_tells_of_a_customer_only_where_not_everybody_has_an_address(
    address: str | None, domain: str | None
) -> None:
    assert matching.domain_of(address) == domain
