"""The hub over HTTP: requests into use-cases, answers and errors out. Nothing is decided here."""
