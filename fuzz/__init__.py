"""
Every parser of outside bytes, fed with bytes that nobody would send in good faith.

`targets/` has one small function a parser: bytes in, and only the errors out that the parser's docstring names. `seeds/` has the
inputs to begin with; the tests replay them, and all that ever failed, on every machine. `python -m fuzz` lets a coverage-guided
fuzzer change them for as long as you like; Hypothesis builds its own in `tests/properties/`.
"""
