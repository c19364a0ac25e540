"""Hints that a user can paste into a shell."""

from __future__ import annotations

import shlex


def command(*words: object) -> str:
    """The command line of these words, names quoted as a shell needs it."""
    return shlex.join(map(str, words))
