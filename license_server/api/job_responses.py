"""What the API replies of jobs: actions on many licences."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from license_server.api import PREFIX, schemas

State = Annotated[str, Field(json_schema_extra={"enum": schemas.JOB_STATES})]


@dataclass(slots=True, kw_only=True)
class JobLinks:
    """Where a job is, what begins it, and its report."""

    self: str
    begin: str
    report: str


@dataclass(slots=True, kw_only=True)
class Job:
    """An action on many licences, and how many of them are done, proposed and refused.

    Before it is begun (``planned``) they are those that would be.
    """

    id: str
    state: State
    act: str
    licenses: int
    done: int
    proposed: int
    refused: int
    problem: str | None
    links: JobLinks

    @staticmethod
    def links_of(id_: str) -> JobLinks:
        """The addresses of the job *id_*."""
        here = f"{PREFIX}/jobs/{id_}"
        return JobLinks(self=here, begin=f"{here}/begin", report=f"{here}/report.csv")


@dataclass(slots=True, kw_only=True)
class Planned:
    """A job that was made, and is not begun."""

    id: str
    state: State
    act: str
    licenses: int
    links: JobLinks
