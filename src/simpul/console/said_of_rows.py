"""What is said of rows, of reports about them, and of runs that stopped: templates for `said.py`. No code here."""

from __future__ import annotations


def _(message: str) -> str:
    """Mark a message for the catalogue; it is translated where it is shown."""
    return message


# A value whose name begins with `said` is a sentence itself.
OF_ROWS = (
    # What a row can break: its place in the file, its key, its cells.
    _("%(place)s: %(said)s"),
    _("line %(number)s: %(said)s"),
    _("the quotes are wrong: %(said)s"),
    _("a quoted cell goes on for more than %(count)s lines"),
    _("it has %(found)s cells, and the header has %(wanted)s"),
    _("it is no GeoJSON feature: %(why)s"),
    _("%(name)s is empty"),
    _("%(name)s is empty, and it identifies the row"),
    _("%(name)s is empty, and the entity's id needs it"),
    _("the key has %(count)s characters"),
    _("the entity's id would have %(count)s characters"),
    _("the key %(key)s was there before in this run; the first row counts"),
    _("%(names)s: %(value)s was there before in this run"),
    _("the same id as row %(key)s: %(id)s; the first row counts"),
    _("the same id as a row before it: %(id)s; the first row counts"),
    _("the row does not say when it was observed"),
    _("%(measured)s is less than %(least)s"),
    _("%(measured)s is more than %(most)s"),
    _("%(value)s does not match %(pattern)s"),
    _("%(value)s is none of %(listed)s"),
    _("%(value)s is none of %(listed)s; did you mean %(near)s?"),
    _("%(names)s is %(found)s, and %(whole)s is %(wanted)s"),
    _("%(value)s is no code of %(list)s"),
    _("%(value)s is no code of %(list)s; did you mean %(near)s?"),
    _("%(value)s is no code of %(list)s; it is %(scheme)s's code of %(name)s, here %(code)s"),
    _("%(value)s is a code of %(list)s from %(since)s to %(until)s"),
    _("%(value)s does not lie below %(within)s"),
    _("%(name)s is empty, and the code is looked up by it"),
    _("%(value)s is not surely a name of %(list)s"),
    _("%(value)s is not surely a name of %(list)s; nearest: %(listed)s"),
    _("%(value)s is no name of %(list)s, as was decided"),
    _("it lies in no %(type)s"),
    _("it lies in no %(type)s, and the row says %(claimed)s"),
    _("it lies in %(area)s, and the row says %(claimed)s"),
    _("there is no %(name)s"),
    _("there is no %(name)s; did you mean %(near)s?"),
    # What a quality report says of all rows together.
    _("there are %(found)s rows, and at least %(wanted)s are expected"),
    _("there are %(found)s rows, and at most %(wanted)s are expected"),
    _("%(name)s is missing"),
    _("it is missing"),
    _("it is not expected"),
    _("%(name)s is there %(count)s times"),
    _("the sum is %(found)s: %(gap)s less than %(wanted)s"),
    _("the sum is %(found)s: %(gap)s more than %(wanted)s"),
    _("it has %(found)s, and what lies below it has %(below)s"),
    _("no row says when it was true"),
    _("the newest is of %(moment)s, and it may be %(age)s old"),
    _("of 100 cells %(filled)s are filled, and %(wanted)s are expected"),
    _("%(value)s stands %(count)s times for `not known`"),
    _("%(value)s is none of the values that the mapping knows: %(listed)s"),
    _("%(value)s is neither of the words for true and false"),
    _("%(name)s: %(said)s is outside the city's bounds (%(said_area)s)"),
    _("%(name)s: %(said)s is outside the area (%(said_area)s)"),
    _("its border crosses or touches itself there"),
    _("longitude %(longitude)s, latitude %(latitude)s"),
    _("longitude %(west)s to %(east)s, latitude %(south)s to %(north)s"),
    _("longitude %(longitude)s, latitude %(latitude)s is not on the earth (-180 to 180, -90 to 90)"),
    _(
        "longitude %(longitude)s, latitude %(latitude)s is not on the earth (-180 to 180, -90 to 90); "
        "longitude and latitude look swapped"
    ),
    _("%(value)s is not a number"),
    _("%(value)s is not a number; it looks Indonesian: declare it as indonesian, not plain"),
    _("%(value)s is not a number in Indonesian form, such as 1.234.567,89"),
    _("%(value)s has too many digits"),
    _("%(value)s is too large for a number"),
    _("an infinite number cannot be kept"),
    _("%(value)s is not a date of the form %(forms)s"),
    _("the year %(year)s cannot be right"),
    _("the text holds a NUL character (#x0000); it is probably binary data"),
    _("the text holds half a character (a lone surrogate)"),
    _("a cell has %(found)s characters; at most %(most)s are kept"),
    _("%(value)s is not GeoJSON: %(why)s"),
    _("%(value)s is neither GeoJSON nor WKT"),
    _("the column %(name)s"),
    _("the column %(name)s, ring %(number)s"),
    _("the column %(name)s, line %(number)s"),
    _("the column %(name)s, polygon %(polygon)s, ring %(number)s"),
    _("%(said)s has the type `%(found)s`; expected a GeoJSON geometry whose type is %(listed)s."),
    _("%(said)s has `%(found)s`; expected a GeoJSON geometry whose type is %(listed)s."),
    _("%(said)s has %(found)s positions; expected up to %(most)s. Simplify it."),
    _("%(said)s has `%(found)s`; the coordinates of a %(kind)s are %(shape)s."),
    _(
        "%(said)s has the position %(position)s, which is not on the earth; expected a longitude of -180 to "
        "180 and then a latitude of -90 to 90."
    ),
    _(
        "%(said)s has the position %(position)s, which is not on the earth; expected a longitude of -180 to "
        "180 and then a latitude of -90 to 90. They look swapped: longitude comes first."
    ),
    _("%(said)s has %(found)s position; a line has two or more."),
    _("%(said)s has %(found)s positions; a ring has four or more, the last equal to the first."),
    _("%(said)s begins at %(first)s and ends at %(last)s: it is not closed. Repeat the first position at the end."),
    _(
        "a cell holds a duration that nobody can count (more than 999,999,999 days, or far below 0); put it right in "
        "the workbook"
    ),
    _("in its row %(row)s %(said)s"),
    # Why a source could not be read: its file, its database, its declaration.
    _("There is no file %(path)s."),
    _("There is no file %(path)s; its folder %(folder)s does not exist either."),
    _("There is no file %(path)s; in its folder are %(names)s."),
    _("There is no file %(path)s; its folder is empty."),
    _("%(path)s is a folder; `path` must name a file."),
    _("The file %(path)s cannot be read: %(why)s. Check its path, and that simpul may read it."),
    _("The file %(path)s has %(found)s bytes; at most %(most)s are read. Divide it."),
    _("The environment variable %(name)s is not set; a source needs it. Set it where simpul runs."),
    _("The secret file %(path)s cannot be read: %(why)s. Put the secret there, or write its right path."),
    _("There is no connector %(name)s; the kinds are %(listed)s."),
    _("The run was stopped before its end. What it had taken over stays; run it again for the rest."),
    _("The source %(name)s is being read already. Wait until that run ends."),
    _("The source could not be read because of an unexpected %(name)s; the log has more."),
    _("The source has more than %(most)s rows; divide it into several."),
    _(
        "%(file)s: the process that reads the source ended with status %(status)s before it was through. What it gave "
        "is taken over; run the source again for the rest."
    ),
    _(
        "%(file)s: more than %(most)s rows of this run broke a rule. Those of the last batch wait where they are. "
        "Look at the rejected rows, and at the rules."
    ),
    _("%(file)s: the source has no column %(said)s. Its columns are: %(listed)s."),
    _("%(file)s: the source has no column %(name)s; did you mean %(near)s? Its columns are: %(listed)s."),
    _("%(name)s; did you mean %(near)s?"),
    _(
        "%(file)s: of %(known)s rows that were taken over, %(gone)s are gone, and the rule is 'vanished: "
        "%(rule)s'. None was touched. If that is right, run `%(command)s`."
    ),
    _(
        "%(file)s: the source gave no rows, and it gave some before. Nothing was changed. Look at the "
        "source; if it is right, take the source out of the city and apply."
    ),
    _(
        "%(file)s: the source has changed: gone: %(gone)s. Nothing was taken over. Take it out of the mapping, or ask "
        "the agency for it."
    ),
    _(
        "%(file)s: the source has changed: gone: %(gone)s; new: %(new)s. Nothing was taken over. Take it out of the "
        "mapping, or ask the agency for it."
    ),
    _(
        "%(file)s: the source has changed: gone: %(gone)s; new: %(new)s. Nothing was taken over. If that is what "
        "happened, write '%(line)s' in %(where)s."
    ),
    _(
        "%(file)s: the source has changed: %(said_changed)s. Nothing was taken over. Look at the mapping. If that is "
        "right, run `%(command)s`."
    ),
    _(
        "%(file)s: the source has changed: %(said_changed)s. Nothing was taken over. If that is what happened, write "
        "'%(line)s' in %(where)s, and run `%(command)s`."
    ),
    _("%(name)s had %(said_before)s and has %(said_now)s"),
    _("%(name)s had %(said_before)s and is empty"),
    _("%(name)s is %(count)s times as large as before, so its unit may be another"),
    _("%(name)s is %(count)s times as small as before, so its unit may be another"),
    _("numbers"),
    _("dates"),
    _("text"),
    _("text with %(said_kind)s"),
    _("a point before decimals"),
    _("a comma before decimals"),
    _("the year first"),
    _("the day before the month"),
    _("the month before the day"),
    _(
        "%(file)s: the source has %(found)s rows, and it had %(before)s. Nothing that is gone from it was touched. "
        "If that is right, run `%(command)s`."
    ),
)
