"""The hub of a JELAI host: its configuration, and what the host asks of it."""
