"""The `files` connector: tables (CSV, XLSX, ODS) that arrive as files in a folder, by SFTP or by mail.

Each file is read with the settings of the kind [`table`](table.md), oldest first; a later file's rows change those of
an earlier one that have the same key, and what a file does not tell is not gone. Where files stay (`after: keep`), a
file that is gone can be noticed (`vanished`). A file waits while it is being written. Once its rows are on the hub's
disk it is moved to the folder `done` beside it, and one that cannot be read to `bad`, with a text that says why; the
others go on. A server is talked to only where its key or its certificate is known. Of a mailbox, messages of declared
senders are read, and moved to mailboxes `done` and `bad`.
[A how-to](../../how-to/take-files-that-arrive.md) shows it.
"""

from __future__ import annotations

from simpul.connect.connector import Connector
from simpul.connectors.files.offers import knows, look_around, settings_of
from simpul.connectors.files.reader import open_reading
from simpul.connectors.files.settings import FIELDS, check, why_never_vanished

CONNECTOR = Connector(
    "files",
    FIELDS,
    open_reading,
    check,
    is_stream=True,
    why_never_vanished=why_never_vanished,
    knows=knows,
    settings_of=settings_of,
    look_around=look_around,
)
