"""From a history that fails to a short one that fails the same way: integers are left out, and those that stay made smaller."""

from collections.abc import Callable

__all__ = ["shrink"]

PATIENCE = 1500
"""Attempts in all."""


def shrink(choices: list[int], fails: Callable[[list[int]], bool]) -> list[int]:
    """A list that cannot be made simpler in one step, or not in so many attempts."""
    attempts = 0

    def is_simpler(candidate: list[int]) -> bool:
        nonlocal attempts
        attempts += 1
        return attempts <= PATIENCE and fails(candidate)

    best = _without_zeros_at_the_end(choices)
    while attempts < PATIENCE:
        shorter = _lower(_leave_out(best, is_simpler), is_simpler)
        if shorter == best:
            break
        best = shorter
    return best


def _leave_out(best: list[int], fails: Callable[[list[int]], bool]) -> list[int]:
    """Runs of integers, the longest first, from the end to the beginning."""
    size = max(1, len(best) // 2)
    while size:
        start = len(best) - size
        while start >= 0:
            for filler in ([], [0] * size):
                candidate = _without_zeros_at_the_end(best[:start] + filler + best[start + size :])
                if len(candidate) <= len(best) and candidate != best and fails(candidate):
                    best = candidate
                    break
            start -= size
        size //= 2
    return best


def _lower(best: list[int], fails: Callable[[list[int]], bool]) -> list[int]:
    for place in range(len(best)):
        for smaller in (0, 1, best[place] // 2, best[place] - 1):
            candidate = _without_zeros_at_the_end([*best[:place], smaller, *best[place + 1 :]])
            if 0 <= smaller < best[place] and fails(candidate):
                best = candidate
                break
        if place >= len(best) - 1:
            break
    return best


def _without_zeros_at_the_end(choices: list[int]) -> list[int]:
    end = len(choices)
    while end and choices[end - 1] == 0:
        end -= 1
    return choices[:end]
