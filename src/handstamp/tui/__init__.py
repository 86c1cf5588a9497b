"""The terminal app: every server at a glance, and the sign-in dialog."""
