"""A cost as it is typed: what it is differentiated by, and which of several costs it is."""

from __future__ import annotations

from backgraph.cli.numbers import names
from backgraph.cli.screen import note
from backgraph.errors import UsageError
from backgraph.language.text.source import Source
from backgraph.language.text.syntax import statements
from backgraph.language.text.tree import Call, Identifier, Several, Tree


def targets(wrt: str | None) -> tuple[str, ...]:
    """The names of `--wrt`, each once. Raises UsageError BG601 where there are none."""
    found = tuple(dict.fromkeys((wrt or "").replace(",", " ").split()))
    if not found:
        raise UsageError("BG601", "--wrt", "with respect to what is not said", hint="add --wrt W1,W2")
    return found


def one_cost(cost: str) -> str:
    """The name given with `--cost`, or none. Raises UsageError BG601 for several."""
    if len(names(cost)) > 1:
        raise UsageError("BG601", "--cost", "one at a time", got=cost, hint="only draw takes several costs")
    return "".join(names(cost))


def tell_left_out(text: str, cost: str) -> None:
    """Say, after all went well, what the last statement leaves out, unless `--cost` was given."""
    others = [] if cost else left_out(text)
    if others:
        shown, first = (
            ", ".join(name or "a statement without a name" for name in others),
            next(filter(None, others), ""),
        )
        fix = f"; --cost {first} takes it instead" if first else ""
        note(f"backgraph: the cost is the last statement, which does not use {shown}{fix}")


def left_out(text: str) -> list[str]:
    """The names of statements that no other uses, but the last; empty for those without a name."""
    *read, last = statements(Source(text))
    used = {name for statement in (*read, last) for name in _identifiers(statement.value)}
    return [statement.name or "" for statement in read if statement.name not in used]


def _identifiers(tree: Tree) -> set[str]:
    found: set[str] = set()
    stack = [tree]
    while stack:
        match stack.pop():
            case Identifier(name=name):
                found.add(name)
            case Call(arguments=arguments, options=options):
                stack += [*arguments, *options.values()]
            case Several(items=items):
                stack += items
            case _:
                pass
    return found
