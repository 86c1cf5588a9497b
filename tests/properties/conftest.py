"""How Hypothesis runs here."""

from hypothesis import settings

# A machine that does other work is no failure; what hangs is caught by each test's time-out.
settings.register_profile("handstamp", deadline=None)
settings.load_profile("handstamp")
