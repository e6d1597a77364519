"""What a researcher does with telemetry: `make export` and `make report`. Runs where the command was typed."""
