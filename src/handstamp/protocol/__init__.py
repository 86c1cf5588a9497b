"""The protocol, sans-I/O: every step is a generator that yields a request, is sent the response and returns a checked value."""
