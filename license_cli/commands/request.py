"""``request``: a request for the vendor that says more than the host key line."""

from __future__ import annotations

import click

from license_cli import (
    files,
    memory,
    options,
    render,
)
from license_cli.session import (
    Session,
    installed,
    key_to_give,
    pass_session,
    profile_to_order,
    unread,
)
from license_core import hostkey, stability
from license_core.claims import ClaimError
from license_core.errors import UsageError
from license_core.memory import Memory
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_core.wording import printable, utc


@click.command("request", short_help="Create a request for the vendor.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write to FILE instead of standard output.",
)
@click.option("--customer", metavar="NAME", help="Customer name for the request.")
@click.option(
    "--product",
    metavar="NAME",
    help="Product to order a licence for [default: from hostseal.toml].",
)
@options.profile
@pass_session
def command(
    session: Session,
    output: str | None,
    customer: str | None,
    product: str | None,
    profile: str | None,
) -> None:
    """Create a request to mail to the vendor or paste into the vendor's form."""
    if output is None:
        render.need_reader()
    facts, present = session.read_facts(), installed(session)
    unsure = () if profile else unread(session, hostkey.DEFAULT_PROFILE)
    profile = profile_to_order(profile, present)
    host = key_to_give(facts, profile)
    request = LicenseRequest(
        key=host.key,
        name=host.hostname,
        profile=profile,
        tags=hostkey.tags(facts, profile),
        layer=hostkey.layer_tag(facts, profile),
        gpus=facts.gpus,
        customer=customer or None,
        product=product or session.place.read_settings().product,
        replaces=present.jti if present else None,
        iat=session.now,
    )
    try:
        text = _text(request)
    except ClaimError as error:
        raise UsageError(
            reason=Reason("Cannot create a request: {reason}.", reason=str(error))
        ) from error
    notices = (*unsure, *stability.notices(facts, profile))
    before, _ = session.place.read_memory(facts)
    memory.keep(
        session.place, before, (before or Memory(profile=profile)).remember_host(facts), facts
    )
    if output is None:
        render.say(text.rstrip("\n"))
    else:
        files.write_new(output, text.encode())
        render.remark(
            [render.note("Request written to {path}; send it to your vendor.", path=output)]
        )
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))


def _text(request: LicenseRequest) -> str:
    rows = {
        "Host key": request.key,
        "Hostname": request.name,
        "Profile": request.profile,
        "GPUs": request.gpus,
        "Customer": request.customer,
        "Product": request.product,
        "Replaces": request.replaces,
        "Made": utc(request.iat) if request.iat is not None else None,
    }
    lines = [f"{name:<10}{printable(str(v))}" for name, v in rows.items() if v is not None]
    return "\n".join(
        (
            "Licence request. Please send this whole text to your vendor.",
            "",
            *lines,
            "",
            request.to_text(),
        )
    )
