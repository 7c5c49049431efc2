"""``request``: a request for the vendor that says more than the host key line."""

from __future__ import annotations

import os

import click

from license_cli import (
    bearer,
    files,
    giveback_secrets,
    memory,
    render,
)
from license_cli.click_options import code, network, pass_session, profile
from license_cli.session import (
    Session,
    installed,
    key_to_give,
    profile_to_order,
    unread,
)
from license_core import hostkey, hostline, membership, stability
from license_core.claims import ClaimError
from license_core.errors import Notice, UsageError
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
@profile
@code
@click.option(
    "--submit",
    metavar="URL",
    help="Send it to the vendor's customer portal: URL is the link that you were sent. Then "
    "`install URL` fetches the licence.",
)
@network
@pass_session
def command(  # an argument an option
    session: Session,
    output: str | None,
    customer: str | None,
    product: str | None,
    profile: str | None,
    qr: bool,
    inverse: bool,
    to: str | None,
    submit: str | None,
    token_file: str | None,
    ca: str | None,
    insecure_http: bool,
) -> None:
    """Create a request to mail to the vendor or paste into the vendor's form."""
    if output is None or qr:
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
        machines=membership.size(facts) if profile == "hk1-site" else None,
        customer=customer or None,
        product=product or session.place.read_settings().product,
        replaces=present.jti if present else None,
        iat=session.now,
        return_digest=giveback_secrets.digest_to_name(session.place, host.key, os.urandom),
    )
    try:
        text = _text(request)
    except ClaimError as error:
        raise UsageError(
            reason=Reason("Cannot create a request: {reason}.", reason=str(error))
        ) from error
    told = (*stability.notices(facts, profile), *stability.proposals(facts, profile))
    notices = (*unsure, *told)
    before, _ = session.place.read_memory(facts)
    memory.keep(
        session.place, before, (before or Memory(profile=profile)).remember_host(facts), facts
    )
    if submit is not None:
        way = (ca, insecure_http)
        _submit(session, text, submit, bearer.read_for(submit, token_file), way, notices)
        return
    for notice in notices if qr else ():  # above it, or they would move it off the screen
        render.remark(render.notice_lines(notice, session.cli))
    if output is None and not qr:
        render.say(text.rstrip("\n"))
    elif output is not None:
        files.write_new(output, text.encode())
        render.remark(
            [render.note("Request written to {path}; send it to your vendor.", path=output)]
        )
    if qr:
        _show(request, to, inverse)
        return
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))


def _submit(
    session: Session,
    text: str,
    url: str,
    token: str | None,
    way: tuple[str | None, bool],
    notices: tuple[Notice, ...],
) -> None:
    """Send the request to the portal, and say how its licence is fetched."""
    from license_cli import portal

    link = portal.link(url, token)
    filed = portal.Portal(link, portal.Way(*way)).submit(text)
    there = f"{link.api}/requests/{filed.get('id')}"
    if session.as_json:
        notes = [render.notice_json(notice, session.cli) for notice in notices]
        state = filed.get("state")
        render.say_json({"id": filed.get("id"), "state": state, "url": there, "notices": notes})
        return
    render.say(render.note("The request was sent; it is request {number}.", number=filed.get("id")))
    render.remark(
        [
            render.note(
                "When it is issued, `{cli} install {url} --token-file FILE` installs the licence; "
                "FILE has the link.",
                cli=session.cli,
                url=there,
            )
        ]
    )
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))


def _show(request: LicenseRequest, to: str | None, inverse: bool) -> None:
    """The request as a QR code, else the host key line."""
    from license_cli import qr_picture

    texts = [
        request.to_text().rstrip("\n"),
        hostline.write(request.key, request.name, request.profile),
    ]
    if to:
        texts = [qr_picture.link(to, texts[0]), texts[0], qr_picture.link(to, texts[1]), texts[1]]
    qr_picture.show(texts, inverse=inverse)


def _text(request: LicenseRequest) -> str:
    rows = {
        "Host key": request.key,
        "Hostname": request.name,
        "Profile": request.profile,
        "Machines": request.machines,
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
