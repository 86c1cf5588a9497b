"""The HTTP side: our own driver for what is ours, and the auth object for the caller's client."""
