"""No regular expression takes more than linear-ish time on text made to slow it down."""

import ast
import re
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "kneeledger"
CALLS = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
OURS = ("charts/", "reporting/", "cli/", "headroom.py")
"""Text that reaches these is our own or was typed by the user: bounded in length, so that only worse than
quadratic growth could hurt."""


def patterns():
    """(where, pattern, flags, how it is asked) of every expression that is written out in the package."""
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(SOURCE.rglob("*.py"))}
    found = []
    for file, text in texts.items():
        tree = ast.parse(text)
        names = {
            id(node.value): (node.targets[0] if isinstance(node, ast.Assign) else node.target).id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(node.targets[0] if isinstance(node, ast.Assign) else node.target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in CALLS or getattr(node.func.value, "id", "") != "re":
                continue
            where = f"{file.relative_to(SOURCE).as_posix()}:{node.lineno}"
            pattern = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            asked = {node.func.attr}
            if node.func.attr == "compile":
                uses = re.compile(rf"\b{names.get(id(node), '?')}\.([a-z]+)\(") if id(node) in names else None
                asked = {use for one in texts.values() for use in uses.findall(one)} if uses else set()
            asked = {use if use in ("match", "fullmatch") else "search" for use in asked or {"search"}}
            said = ast.unparse(node)
            flags = 0
            for name in ("IGNORECASE", "DOTALL", "ASCII", "MULTILINE", "VERBOSE"):
                flags |= getattr(re, name) if f"re.{name}" in said else 0
            found.append((where, pattern, flags, sorted(asked)))
    return found


def attacks(pattern, length):
    """Long texts out of what the pattern speaks of, that nearly match and then do not."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    letters = sorted({c for c in text if c.isprintable()} | set("a0 .-/<\"'=:,_\t\n&;"))
    words = [w for w in re.split(r"[\\^$.|?*+()\[\]{}]+", text) if 1 < len(w) < 20][:12]
    for unit in [*letters, *words]:
        yield unit * (length // len(unit)) + "\0"
    for first in "a0 .<-":
        for second in 'a0 .<>-"=:,':
            if first != second:
                yield (first + second) * (length // 2) + "\0"
    for word in words[:6]:
        for tail in "a0 =\"'":
            yield (word + tail * 3) * (length // (len(word) + 3)) + "\0"
            yield word + tail * length + "\0"


def slow(pattern, flags, asked, length, limit_s):
    """The first text that takes longer than the limit, and how long; None where none does."""
    compiled = re.compile(pattern, flags)
    for text in attacks(pattern, length):
        subject = text.encode("latin-1", "replace") if isinstance(pattern, bytes) else text
        for use in asked:
            began = time.process_time()
            getattr(compiled, use)(subject)
            if time.process_time() - began > limit_s:
                return text[:30], time.process_time() - began
    return None


def took_s(compiled, use, subject):
    began = time.process_time()
    getattr(compiled, use)(subject)
    return time.process_time() - began


def growing(pattern, flags, asked):
    """The first text whose fourfold takes more than eight times as long, and both times; None where none does.

    Only texts that take long for their length are measured twice: a bound on the time of a short text alone
    lets quadratic growth pass, which is minutes on a file of some 100 kB.
    """
    compiled = re.compile(pattern, flags)
    for text, longer in zip(attacks(pattern, 8_000), attacks(pattern, 32_000), strict=True):
        if isinstance(pattern, bytes):
            text, longer = text.encode("latin-1", "replace"), longer.encode("latin-1", "replace")
        for use in asked:
            short_s = took_s(compiled, use, text)
            if short_s > 0.015:
                long_s = took_s(compiled, use, longer)
                if long_s > 8 * short_s:
                    return text[:30], short_s, long_s
    return None


FOUND = patterns()


def test_quadratic_growth_is_found():
    quadratic = rb"""<!--.*?-->|"[^"]*"|'[^']*'|[\[\]>]"""
    assert growing(quadratic, re.DOTALL, ["search"]) is not None
    assert growing(rb"""<!--|["'\[\]>]""", 0, ["search"]) is None


def test_every_expression_is_written_out():
    assert len(FOUND) > 30
    assert [where for where, pattern, _, _ in FOUND if pattern is None] == []


@pytest.mark.parametrize(("where", "pattern", "flags", "asked"), FOUND, ids=[one[0] for one in FOUND])
def test_no_expression_can_be_made_slow(where, pattern, flags, asked):
    assert slow(pattern, flags, asked, 1_500, 0.4) is None
    if not where.startswith(OURS):
        assert slow(pattern, flags, asked, 8_000, 0.4) is None
        assert growing(pattern, flags, asked) is None
