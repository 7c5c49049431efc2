"""Examines a server from its settings to its backups; one part that fails hides no other."""

from typing import NamedTuple

from license_core.errors import DatabaseUnavailableError
from license_server.db.database import Database
from license_server.operations.checkup import (
    of_address,
    of_clock,
    of_database,
    of_files,
    of_keys,
    of_mail,
    of_settings,
    of_upkeep,
)
from license_server.operations.checkup.finding import ERROR, Finding, Section, of_error
from license_server.operations.checkup.subject import Subject


class Examined(NamedTuple):
    """A server, as it was found."""

    at: int
    sections: list[Section]

    @property
    def findings(self) -> list[Finding]:
        """All of them, what must be mended first, each once."""
        all_ = dict.fromkeys(one for section in self.sections for one in section.findings)
        return sorted(all_, key=lambda one: one.level != ERROR)

    @property
    def errors(self) -> int:
        """How many must be mended."""
        return sum(one.level == ERROR for one in self.findings)


def examine(subject: Subject) -> Examined:
    """Look at everything; nothing is changed."""
    sections = [of_settings.look(subject), of_files.look(subject), of_clock.look(subject)]
    with of_database.opened(subject) as (database, section):
        sections.append(section)
        if database is not None:
            sections += _within(subject, database)
    sections += [of_address.look(subject), of_mail.out(subject), of_mail.inward(subject)]
    return Examined(subject.now, sections)


def _within(subject: Subject, database: Database) -> list[Section]:
    """What is known only with the database."""
    sections = [of_keys.look(subject, database)]
    try:
        with database.reading() as connection:
            sections.append(of_mail.waiting(connection, subject))
            sections.append(of_upkeep.look(connection, subject))
    except DatabaseUnavailableError as error:
        sections.append(Section("Upkeep", [], [of_error(error, subject.server)]))
    return sections
