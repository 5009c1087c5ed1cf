"""Common functions: one that costs much, of the same elements in several nests, is computed once and kept.

    y[i] = u[i]*sigmoid(u[i])                    →  s[i] = sigmoid(u[i]); y[i] = u[i]*s[i]
    d[i] = sigmoid(u[i])*(1-y[i])+y[i]              d[i] = s[i]*(1-y[i])+y[i]

So the derivative of silu reads what its value was made of, and u itself, if nobody else reads it, needs no memory. The
same operations are done on the same numbers, so no bit changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from backgraph.compiler.functions import FUNCTIONS
from backgraph.compiler.nest import (
    Affine,
    Axis,
    Call,
    Expr,
    Index,
    Nest,
    Read,
    Value,
    Write,
    along,
    mapped,
    reads_of,
    storage,
    substituted,
)
from backgraph.compiler.schedule import Program, is_map, writers
from backgraph.language.dims import Dim

Shape = tuple[Dim, ...]


def common(program: Program) -> Program:
    """The program with every costly function that several maps need kept by a nest of its own."""
    parted = {value for value, own in writers(program.nests).items() if len(own) > 1}
    axes: dict[Shape, tuple[Axis, ...]] = {}
    found: dict[Call, list[Nest]] = {}
    for nest in program.nests:
        if is_map(nest) and nest.axes:
            own = _standing_for(nest, axes)
            for call in dict.fromkeys(_costly(nest.writes[0].body)):
                if _is_of_all(call, nest.axes) and not any(storage(r.value) in parted for r in reads_of(call)):
                    found.setdefault(_renamed(call, own), []).append(nest)
    kept = {
        call: Value(call.name, users[0].writes[0].value.shape, call.dtype)
        for call, users in found.items()
        if len(users) > 1
    }
    if not kept:
        return program
    nests: list[Nest] = []
    for nest in program.nests:
        nests += [_nest(call, value, axes[value.shape]) for call, value in kept.items() if found[call][0] is nest]
        nests.append(_with_reads(nest, kept, axes))
    return replace(program, nests=tuple(nests))


def _standing_for(nest: Nest, axes: dict[Shape, tuple[Axis, ...]]) -> Mapping[Axis, Index]:
    """For the axes of a nest those by which all nests of its shape are compared."""
    shape = tuple(axis.size for axis in nest.axes)
    same = axes.setdefault(shape, tuple(Axis(axis.label, axis.size) for axis in nest.axes))
    return {axis: along(other) for axis, other in zip(nest.axes, same, strict=True)}


def _renamed(call: Call, axes: Mapping[Axis, Index]) -> Call:
    return replace(call, arguments=tuple(substituted(a, axes) for a in call.arguments))


def _costly(expr: Expr) -> Iterator[Call]:
    """The outermost costly functions in an expression."""
    if isinstance(expr, Call):
        if expr.name in FUNCTIONS:
            yield expr
        else:
            for argument in expr.arguments:
                yield from _costly(argument)


def _is_of_all(call: Call, axes: tuple[Axis, ...]) -> bool:
    """Whether it is another one at every point: what needs fewer axes would be kept more often than it is computed."""
    used = {axis for read in reads_of(call) for i in read.index if isinstance(i, Affine) for axis, _ in i.terms}
    return used.issuperset(axes)


def _nest(call: Expr, value: Value, axes: tuple[Axis, ...]) -> Nest:
    fresh = tuple(Axis(axis.label, axis.size) for axis in axes)
    own: dict[Axis, Index] = {axis: along(new) for axis, new in zip(axes, fresh, strict=True)}
    return Nest(fresh, (Write(value, tuple(map(along, fresh)), substituted(call, own)),), label=value.label)


def _with_reads(nest: Nest, kept: Mapping[Call, Value], axes: dict[Shape, tuple[Axis, ...]]) -> Nest:
    if not is_map(nest) or not nest.axes:
        return nest
    own, here = _standing_for(nest, axes), tuple(map(along, nest.axes))

    def change(expr: Expr) -> Expr | None:
        if not isinstance(expr, Call) or expr.name not in FUNCTIONS:
            return None
        value = kept.get(_renamed(expr, own))
        return None if value is None else Read(value, here)

    (write,) = nest.writes
    body = mapped(write.body, change)
    return nest if body == write.body else replace(nest, writes=(replace(write, body=body),))
