"""Real coding agents from npm, before a real proxy: `python -m tests.clients`, or `make test-clients`."""
