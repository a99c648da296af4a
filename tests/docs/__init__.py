"""The documents, carried out as they are written."""
