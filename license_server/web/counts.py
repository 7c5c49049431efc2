"""Numbers and their nouns, in the reader's language: *1 day*, *2 days*, *today*.

Keeps one rule: no page puts a number before a noun by hand. Templates use ``{% pluralize %}``, or
these where several numbers meet in one sentence.
"""

import gettext

from license_server.licenses.term_days import Day, at


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


def days_until(last: Day, now: int) -> int:
    """How many days after today the *last* day is, in its own time zone."""
    return (last.day - at(now, last.there).date()).days
