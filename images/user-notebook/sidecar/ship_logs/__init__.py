"""Sends the telemetry of one student's server to the collector: the small shipper, where an image has no fluent-bit."""
