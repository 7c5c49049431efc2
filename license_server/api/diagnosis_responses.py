"""What the API replies to what a client printed."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from license_server.actor import Actor
from license_server.api.license_responses import HostDifference, License, Remark
from license_server.licenses import diagnosing
from license_server.licenses.acts import ACTS


@dataclass(slots=True, kw_only=True)
class ClientHost:
    """The host on which the client ran."""

    key: str
    name: str | None
    profile: str


@dataclass(slots=True, kw_only=True)
class Cause(Remark):
    """Something that stopped the product, and what mends it."""

    act: Annotated[str | None, Field(json_schema_extra={"enum": [*ACTS, diagnosing.SEND, None]})]
    license: str | None


@dataclass(slots=True, kw_only=True)
class Diagnosis:
    """Which licence a text is about, what differs, and what to do."""

    read: list[str]
    unread: list[str]
    problems: list[str]
    license: License | None
    newest: License | None
    candidates: list[License]
    unknown: list[str]
    host: ClientHost | None
    order_host: str | None
    change: HostDifference | None
    causes: list[Cause]

    @classmethod
    def of(cls, made: diagnosing.Diagnosis, now: int, actor: Actor) -> Self:
        """What was *made* of a text at the instant *now*, as *actor* may see it."""
        found, meant, newest, change = made.symptoms, made.license, made.newest, made.change
        return cls(
            read=list(found.sources),
            unread=[str(reason) for reason in found.unread],
            problems=list(found.problems),
            license=License.of(meant, now, actor) if meant else None,
            newest=License.of(newest, now, actor) if newest else None,
            candidates=[License.of(one, now, actor) for one in made.candidates],
            unknown=list(made.unknown),
            host=_host(made),
            order_host=made.host_text,
            change=HostDifference.of(meant.number, change) if meant and change else None,
            causes=[
                Cause(
                    slug=cause.notice.slug,
                    detail=cause.notice.sentence,
                    remedy=cause.notice.remedy(),
                    act=cause.act,
                    license=cause.number,
                )
                for cause in made.causes
            ],
        )


def _host(made: diagnosing.Diagnosis) -> ClientHost | None:
    found, request = made.symptoms, made.symptoms.request
    if request is not None:
        return ClientHost(key=request.key, name=request.name, profile=request.profile)
    if found.host_key is None:
        return None
    return ClientHost(key=found.host_key, name=found.hostname, profile=found.profile)
