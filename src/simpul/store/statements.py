"""The statements of the store's own .sql files, read as `simpul.statements` reads them. No SQL of its own."""

from __future__ import annotations

from simpul.statements import load_statements as load_statements
