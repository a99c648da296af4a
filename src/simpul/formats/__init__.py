"""Parsers of formats that no library reads well enough: bounded, and executing nothing. They know no source."""
