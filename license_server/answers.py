"""Which face answers when something is refused: problem+json for programs, a page for people."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from license_core.errors import LicenseError, NotAuthenticatedError
from license_server.api import PREFIX
from license_server.http import problem_json
from license_server.web import pages
from license_server.web.sign_in import to_login

_log = structlog.get_logger()


def answer(request: Request, error: LicenseError) -> Response:
    """The answer to *request* that *error* makes."""
    request_id: str = request.state.request_id
    if error.row.status >= 500:
        _log.error("refused", slug=error.slug, sentence=error.sentence)
    outward = problem_json.outward(error, request_id)
    if request.url.path.startswith(PREFIX + "/"):
        return problem_json.respond(outward, request_id)
    if isinstance(error, NotAuthenticatedError):
        return to_login(request)
    page = pages.refusal(request, outward, request_id)
    page.headers.update(problem_json.headers(outward))
    return page
