"""Licence files as QR codes: what a telephone reads off the screen, for a site that is cut off.

No code is larger than telephones read from a screen, so a file is several: a block a code, which
``install`` takes in any order.
"""

import re

import segno
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from license_server.catalog import catalog_store, client_commands
from license_server.http.state import AtSite
from license_server.licenses import issuing
from license_server.web import licenses, pages
from license_server.web.licenses import Viewer
from license_server.web.sign_in import HOME

_LONGEST = 858
"""Bytes of a code of version 20, at level L."""
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n.*?-----END \1-----", re.DOTALL)

router = APIRouter()


@router.get(HOME + "/{number}/qr")
async def qr(number: str, request: Request, site: AtSite, _: Viewer) -> Response:
    """The licence file as QR codes."""
    stored = await licenses.find(site, number)
    product = await site.read(lambda c: catalog_store.product_by_name(c, stored.product))
    command = f"{client_commands.of(product).client} install -"
    texts = parts(issuing.file_of(stored).decode("utf-8"))
    codes = [drawn(text, level="l") for text in texts]
    return pages.page(
        request, "qr", stored=stored, codes=codes, is_cut=is_cut(texts), command=command
    )


def drawn(text: str, level: str = "m") -> Markup:
    """*text* as a QR code, for the camera of a telephone; dark on light in any colours."""
    code = segno.make_qr(text, error=level)
    return Markup(  # noqa: S704  # made of the code alone
        code.svg_inline(border=4, light="white", svgclass="qr", omitsize=True)
    )


def parts(file: str) -> list[str]:
    """The texts of the codes of a licence file: its blocks, without the words for people.

    All in one where that is enough; a block that is too long for one is cut between its lines.
    """
    blocks = [found[0] for found in _BLOCK.finditer(file)]
    whole = "\n".join(blocks)
    return [whole] if len(whole) <= _LONGEST else [part for one in blocks for part in _cut(one)]


def is_cut(texts: list[str]) -> bool:
    """Whether a block is in several of *texts*, so that their order matters."""
    return any(_BLOCK.search(text) is None for text in texts)


def _cut(block: str) -> list[str]:
    pieces = [""]
    for line in block.splitlines():
        if len(pieces[-1]) + 1 + len(line) > _LONGEST:
            pieces.append("")
        pieces[-1] += f"\n{line}" if pieces[-1] else line
    return pieces
