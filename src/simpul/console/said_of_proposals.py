"""What proposals say in their comments: templates for `proposal_comments.py`. No code here."""

from __future__ import annotations


def _(message: str) -> str:
    """Mark a message for the catalogue; it is translated where it is shown."""
    return message


# A value whose name begins with `said` is said for itself.
OF_PROPOSALS = (
    # What stands at the top.
    _("Proposed by looking at all %(count)s rows. The comments say why; change what you know better."),
    _("Proposed by looking at the first %(count)s rows. The comments say why; change what you know better."),
    _("Then: %(commands)s."),
    _("Put the secret into the environment variable %(variable)s where simpul runs."),
    _("%(count)s of the newest files look like this; the rows are those of %(file)s."),
    _(
        "%(count)s of the newest files look like this; the rows are those of %(file)s. Others have the same "
        "columns and are called otherwise, so each is a source of its own: %(listed)s."
    ),
    _("%(count)s messages came within %(seconds)s s at most; others may look otherwise."),
    _("The file seems to have no header: give the columns their names."),
    _("The file has other sheets, too: %(listed)s."),
    # What stands before a part of the declaration.
    _("Key: %(said_why)s."),
    _("Type: %(said_why)s."),
    _("The rows are about people: keep this type out of public_types in city.yaml."),
    _("Its rows are entities with URIs of their own, which they keep."),
    _("Another source has this type, too: %(word)s keeps their ids apart."),
    _("Left out:"),
    _("%(column)s: %(said_why)s"),
    _("What happens to a row that is gone: keep, expire or delete."),
    _("How often it is read; without it, only when asked."),
    # Why a type is one.
    _("of Smart Data Models (%(subject)s)"),
    _("of %(subject)s, as Smart Data Models has none for it"),
    _("%(said_by)s says so"),
    _("no model of Smart Data Models fits surely"),
    _("it is called as the table is"),
    _("its name says %(words)s"),
    _("no name says so"),
    _("%(count)s of its columns are known of it (%(listed)s)"),
    _("%(said_why)s (the name of its folder)"),
    _("its columns are about people"),
    _("the database"),
    _("the topic"),
    _("the other hub"),
    # What identifies a row.
    _("each of %(count)s rows has another value"),
    _("%(said_by)s says that it is the primary key"),
    _("%(count)s of %(total)s rows are copies by it, of which the first counts"),
    _("%(said_by)s says what is measured, and when"),
    _("%(count)s different, each with at most one row at a time: a series in time"),
    _("%(count)s rows are copies"),
    _("no two of %(count)s rows have the same"),
    _("there is nothing better"),
    _("the best there is: %(count)s of %(total)s rows are copies by it"),
    # What is personal, and what is left out.
    _("personal: %(said_kind)s (%(said_why)s); %(said_more)s"),
    _("%(said_kind)s (%(said_why)s): personal, and this type is not about people"),
    _("family card number"),
    _("name of a person"),
    _("telephone number"),
    _("e-mail address"),
    _("birth date or place"),
    _("home address"),
    _("personal trait"),
    _("personal number"),
    _("credential"),
    _("%(count)s of %(total)s cells look like one"),
    _("the rows are people"),
    _("a secret of that system"),
    _("it is never taken over"),
    _("the entity's own"),
    _("no row of the sample fills it"),
    _("used already"),
    _("a point of the geometry"),
    _("personal, and this type is not about people"),
    # What a column has.
    _("%(count)s of %(total)s filled"),
    _("%(least)s to %(most)s"),
    _("dates as %(form)s, the newest %(day)s"),
    _("%(count)s are no %(said_kind)s"),
    _("number"),
    _("date"),
    _("%(value)s stands %(count)s times"),
    _("%(value)s stands %(count)s times, %(said_more)s"),
    _("if that means `not known`, add 'unknown: [0]'"),
    _("%(count)s different"),
    _("%(count)s different, such as %(listed)s"),
    _("parts of one address"),
    _("there is nothing but the key"),
    _("see codes"),
    _("refers to another table, as %(said_by)s or its name says"),
    _("%(count)s rows do"),
    # What rules the rows keep.
    _("each of %(count)s rows fills them"),
    _("a NIK has 16 digits"),
    _("%(value)s: %(count)s times"),
    _("%(value)s: %(count)s times, %(said_more)s"),
    _("the sample has %(least)s to %(most)s"),
    _("%(count)s values in %(total)s rows"),
    _("near misses left out: %(said_listed)s"),
    _("%(value)s (like %(near)s)"),
    _("%(value)s (like %(near)s), %(said_more)s"),
    _("%(count)s of them in fewer than %(least)s rows, so there may be more: are these all?"),
    _("%(count)s of them are new in the second half of the rows, so there may be more: are these all?"),
    _("most rows were not looked at, so there may be more: are these all?"),
    _("so in %(count)s of %(total)s rows"),
    _("the newest of the sample is of %(day)s"),
    _("how old may the newest be?"),
    # Where rows lie.
    _("%(count)s of %(total)s rows have a geometry"),
    _("%(count)s of %(total)s begin in the city's bounds"),
    _("%(count)s of %(total)s rows with both are places on the earth"),
    _("%(count)s lie in the city's bounds"),
    _("%(count)s have them swapped"),
    _("%(count)s of %(total)s places lie in the city's bounds"),
    _("%(count)s of %(total)s are codes of the list %(list)s"),
    _("of %(total)s rows, the names of %(count)s have a code for sure"),
)
