"""How many of something, in words: ``1 ride``, ``2 rides``.

Sentences that people read are made in every room, from a reader's remark to a chart's alternative text; all of them
count with this, so that nobody reads "1 rides were".
"""

__all__ = ["count"]


def count(many: int, one: str, more: str = "") -> str:
    """A number with its noun, or with a whole phrase and its verb; `more` where an ``s`` does not make the plural."""
    return f"{many:,} {one if many == 1 else more or one + 's'}"
