"""The demo city: Padang's agencies and their systems, built from public facts. No use-case depends on it."""
