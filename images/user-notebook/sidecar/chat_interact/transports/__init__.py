"""The ways to reach a chat; `base` holds the interface."""
