"""One file per page. Each asks the use-cases and shapes what they answer into a view; nothing is decided here."""
