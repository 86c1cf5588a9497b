"""
Takes each named guard of the code out in turn and expects its tests to notice: `make mutate`.

A guard is a few lines of `src/` that keep one attack out. Each has a name, the rows of the threat model that it serves, and the
change that removes it. Every row must go red: a test that stays green without its guard tests something else.
"""
