"""Hubs that are registered with each other, each a real one behind a real port."""
