"""What the use-cases need from outside, as narrow protocols. No implementations here."""
