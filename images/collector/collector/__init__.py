"""The collector: takes the telemetry of a hub's students over HTTP and keeps each event exactly once."""
