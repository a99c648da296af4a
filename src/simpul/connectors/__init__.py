"""The connectors, one folder each with the same four files: `__init__`, `settings`, `reader`, `errors`."""
