"""Formulas too wide for their place, on several lines.

    break    a place where a line may end: before a relation or an operator, behind a comma or an opening bracket
    depth    how many round or square brackets are open there; a break outside them reads better

Of all ways to take so many lines the one whose widest line is the least wide is taken. Operators begin lines, as in
displayed formulas (Knuth, The TeXbook, chapter 19).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from backgraph.show.typeset import ABOVE, BELOW, END, FRACTION, MEDIUM, ROOT, THICK, THIN, set_markup

MOST_LINES = 3
WORTH = 0.9
"""How much narrower one more line has to make a formula."""
MANY = 40
"""Places from which on not all ways to break are tried."""
LETTERS = 20
"""What a break within brackets counts in a long formula, for each that is open, in letters."""
PENALTY = 400.0
"""What a break within brackets counts, for each that is open, in thousandths of the size of type."""


def broken(markup: str, widest: float) -> list[str]:
    """Lines no wider than `widest`, in thousandths of the size of type, where that can be; one where it fits."""
    if set_markup(markup).width <= widest:
        return [markup]
    places = list(breaks(markup))
    best = [markup]
    for count in range(1, min(MOST_LINES, len(places) + 1)):
        chosen = _chosen(markup, places, count)
        lines = _lines(markup, chosen)
        if _widest(lines) < WORTH * _widest(best):
            best = lines
        if _widest(best) <= widest:
            break
    return best


def _chosen(markup: str, places: Sequence[tuple[int, int]], count: int) -> tuple[tuple[int, int], ...]:
    """The best places for so many breaks; in a long formula those next to equal parts: to try all takes too long."""
    if len(places) <= MANY:
        return min(itertools.combinations(places, count), key=lambda at: _width(markup, at) + _penalty(at))
    parts = [len(markup) * (n + 1) / (count + 1) for n in range(count)]
    nearest = {min(places, key=lambda place: abs(place[0] - part) + LETTERS * place[1]) for part in parts}
    return tuple(sorted(nearest))


def breaks(markup: str) -> Iterator[tuple[int, int]]:
    """Where a line may end, with how many brackets are open there; never within what is raised, lowered or a root."""
    grouped = depth = 0
    for at, sign in enumerate(markup):
        grouped += (sign in (ABOVE, BELOW, FRACTION, ROOT)) - (sign == END)
        depth += (sign in "([") - (sign in ")]")
        if grouped or not 0 < at < len(markup) - 1:
            continue
        behind = markup[at + 1]
        operator = sign in (MEDIUM, THICK) and _is_sign(behind) and markup[at + 2 : at + 3] == sign
        if operator or (sign == "," and behind == THIN) or (sign == "(" and depth == 1):
            yield at + 1, depth


def _is_sign(letter: str) -> bool:
    """Not a name of one letter, which may stand between two signs as well."""
    return letter not in (MEDIUM, THICK) and not letter.isalnum()


def _lines(markup: str, chosen: tuple[tuple[int, int], ...]) -> list[str]:
    ends = [0, *(at for at, _ in chosen), len(markup)]
    return [markup[a:b].strip(THIN + MEDIUM + THICK) for a, b in itertools.pairwise(ends)]


def _width(markup: str, chosen: tuple[tuple[int, int], ...]) -> float:
    return _widest(_lines(markup, chosen))


def _widest(lines: Sequence[str]) -> float:
    return max(set_markup(line).width for line in lines)


def _penalty(chosen: tuple[tuple[int, int], ...]) -> float:
    return PENALTY * sum(depth for _, depth in chosen)
