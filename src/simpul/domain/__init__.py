"""What the hub knows: values and decisions about them. No IO, no clock, no randomness here."""
