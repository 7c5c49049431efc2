"""Numbers and their nouns, in the reader's language: *1 day*, *2 days*, *today*.

Keeps one rule: no page puts a number before a noun by hand. Templates use ``{% pluralize %}``, or
these where several numbers meet in one sentence.
"""

import gettext
from datetime import tzinfo

from license_server.web.reader import at


def days(count: int, catalogue: gettext.NullTranslations) -> str:
    """*1 day*, *2 days*."""
    return catalogue.ngettext("%(count)s day", "%(count)s days", count) % {"count": count}


def days_from_now(count: int, catalogue: gettext.NullTranslations) -> str:
    """*today*, *in 1 day*, *2 days ago*."""
    if count == 0:
        return catalogue.gettext("today")
    if count > 0:
        text = catalogue.ngettext("in %(count)s day", "in %(count)s days", count)
    else:
        text = catalogue.ngettext("%(count)s day ago", "%(count)s days ago", -count)
    return text % {"count": abs(count)}


def days_until(end: int, now: int, there: tzinfo) -> int:
    """How many days after today the last day before *end* is, by the calendar of *there*."""
    return (at(end - 1, there).date() - at(now, there).date()).days
