"""Simpul: one governed hub for the systems that a city's agencies already run."""

__version__ = "0.1.0"
