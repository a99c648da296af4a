"""The engine that reads agencies' systems into the hub: declarations, mapping, rules, runs. No connectors here."""
