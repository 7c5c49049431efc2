"""The public URL: whether it leads to a server of ours."""

import json
import ssl

import httpx

from license_server.operations.checkup.finding import Section, found
from license_server.operations.checkup.subject import Subject

_ANSWERS_WITHIN = 10.0
"""Seconds that the proxy, and the server behind it, are waited for."""
_ALIVE = {"alive": True}


def look(subject: Subject) -> Section:
    """What answers at the public URL."""
    url = subject.settings.public_url
    section = Section("Public URL", [url or "not set"], [])
    if url is not None and subject.asks:
        said = _trouble(url)
        if said is not None:
            section.findings.append(found("public-url-elsewhere", url=url, said=said))
    return section


def _trouble(url: str) -> str | None:
    """Why *url* does not lead to a server of ours, in words; None: it does."""
    try:
        answer = httpx.get(
            f"{url}/healthz",
            timeout=_ANSWERS_WITHIN,
            verify=ssl.create_default_context(),
            follow_redirects=False,
        )
        if answer.status_code == 200 and answer.json() == _ALIVE:
            return None
    except (httpx.HTTPError, OSError) as error:
        return str(error).rstrip(".") or type(error).__name__
    except json.JSONDecodeError:
        return "something else answers there"
    return f"it answers {answer.status_code}"
