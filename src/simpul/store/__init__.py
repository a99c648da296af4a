"""Stores of cities: contract-tested backends of `ports/store.py`. Only `main.py` names one of them."""
