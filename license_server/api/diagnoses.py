"""``/diagnoses``: why a product stopped, from what its client printed."""

import re

from fastapi import APIRouter, Request
from starlette.responses import Response

from license_server.api import PREFIX, messages, schemas
from license_server.api.auth import Reader
from license_server.api.diagnosis_responses import Diagnosis
from license_server.api.operations import describe
from license_server.db.errors import InputInvalidError
from license_server.http.state import AtSite
from license_server.licenses import diagnosing

router = APIRouter(prefix=f"{PREFIX}/diagnoses", tags=["licenses"])


@router.post("", openapi_extra=describe("diagnoses.make"))
async def make(request: Request, site: AtSite, actor: Reader) -> Response:
    """Find out why a product stopped: which licence is meant, what differs, what mends it.

    Send what ``verify --explain``, ``verify --json``, ``doctor`` or ``doctor --bundle`` prints, or
    a request. Nothing is changed, and nothing of it is kept.
    """
    members, _ = await messages.body_of(request)
    given = messages.known(members, ("text",))
    text = given.get("text")
    if not isinstance(text, str) or re.search(schemas.SEEN, text) is None:
        raise InputInvalidError(field="text", reason="it must be a text that is not blank")
    now = site.clock()
    made = await site.read(lambda connection: diagnosing.diagnose(connection, text, actor, now))
    return messages.json_response(Diagnosis.of(made, now, actor))
