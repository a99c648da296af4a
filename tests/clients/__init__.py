"""Clients of others, unchanged, against a served hub."""
