"""The annotated chain: the Jacobian on every edge between named values, for any graph, at a tiny example.

    edge        from a named value x to a named value z whose formula reads x; between them stand no other named values
    Jacobian    of an edge: ∂z/∂x, the other operands held, of the shape of z and x together
    rule        what back-propagation sends along the edge: (∂z/∂x)ᵀ times the gradient of z, never the Jacobian itself
    path        edges from a target up to the cost; the gradient is the sum over paths of the products of Jacobians

Sources: Goodfellow, Bengio and Courville (2016), sections 6.5.2 and 6.5.9 on the order of the products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backgraph.calculus.backprop import Gradients, as_targets, gradient
from backgraph.calculus.jacobian import jacobian_values
from backgraph.errors import CalculusError
from backgraph.evaluate import evaluate, measure
from backgraph.language.dims import Dim, Open, at, count, shape_text, symbols, symbols_within
from backgraph.language.node import FLOATS, Node
from backgraph.language.notation import Tree
from backgraph.language.op import Array
from backgraph.language.walk import ancestors, topological_order
from backgraph.rules import simplify
from backgraph.show.coefficients import Coefficient, coefficient
from backgraph.show.local import Local
from backgraph.show.naming import name_intermediates
from backgraph.show.probe import probes
from backgraph.show.render import as_tree, render_all
from backgraph.show.structure import Structure, structure
from backgraph.show.tiny import tiny_values

MOST_ELEMENTS = 20_000
"""No Jacobian with more elements is written out."""


@dataclass(frozen=True)
class Value:
    """A named value: `formula` in terms of others, None for a leaf; `array` at the tiny example."""

    node: Node
    name: Tree
    formula: Tree | None
    array: Array


@dataclass(frozen=True)
class EdgeJacobian:
    """∂z/∂x on one edge."""

    z: Value
    x: Value
    matrix: Tree | None
    """The Jacobian as a matrix, where it has such a form."""
    element: Tree | None
    """∂z_i…/∂x_k…, where it can be read off the rule."""
    letters: tuple[tuple[str, ...], tuple[str, ...]]
    """The indices of z and x in `element`."""
    rule: Tree
    """What the rule of back-propagation sends to x."""
    lets: tuple[tuple[Tree, Tree], ...]
    """Names in `rule` for parts that are long."""
    outer: tuple[Node, bool] | None
    """a, if the rule is a product of two vectors, and whether it is δ aᵀ (of columns) or a δᵀ (of rows)."""
    structure: Structure
    array: Array
    difference: float | None
    """Between `element`, evaluated, and the array."""

    @property
    def size(self) -> Dim:
        """How many elements it has."""
        return count(self.z.node.shape) * count(self.x.node.shape)


@dataclass(frozen=True)
class Work:
    """Multiply-adds for the gradients of all targets, three ways, and of how many elements."""

    forward: Dim
    """Jacobians multiplied from the target upward."""
    backward: Dim
    """Jacobians multiplied from the cost downward: one row times each Jacobian, written out in full."""
    rules: Dim
    """Back-propagation: the products in the rules, without a single Jacobian."""


@dataclass(frozen=True)
class Chain:
    """What `chain_of` found. Values stand in the order of computation; edges in that of their z."""

    cost: Value
    targets: tuple[Value, ...]
    values: tuple[Value, ...]
    edges: tuple[EdgeJacobian, ...]
    sizes: dict[str, int]
    given: dict[Node, Array]
    gradients: Gradients
    by_paths: tuple[Array, ...]
    """The sum over paths of the products of Jacobians, one array for each target, multiplied from the cost downward."""
    by_forward: tuple[Array, ...]
    """The same, multiplied from the target upward."""
    by_rules: tuple[Array, ...]
    """The gradients as back-propagation computes them."""
    work: Work

    @property
    def difference(self) -> float:
        """The largest difference between any of the three."""
        triples = zip(self.by_paths, self.by_forward, self.by_rules, strict=True)
        return max(float(np.abs(a - b).max(initial=0.0)) for p, f, r in triples for a, b in ((p, r), (f, r)))

    def into(self, value: Value) -> list[EdgeJacobian]:
        """The edges that end at `value`."""
        return [edge for edge in self.edges if edge.z.node is value.node]

    def paths(self, target: Value) -> int:
        """How many paths lead from `target` to the cost."""
        number = {self.cost.node: 1}
        for edge in reversed(self.edges):
            number[edge.x.node] = number.get(edge.x.node, 0) + number.get(edge.z.node, 0)
        return number.get(target.node, 0)


def chain_of(
    cost: Node,
    wrt: Node | Sequence[Node],
    names: Mapping[Node, str] | None = None,
    *,
    cost_name: str = "J",
    sizes: Mapping[str, int] | None = None,
    values: Mapping[Node, Any] | None = None,
) -> Chain:
    """The Jacobian on every edge between `wrt` and the scalar `cost`.

    `names` are the user's; other intermediates are named systematically. `sizes` of symbols and `values` of leaves make
    the tiny example; what is not given is chosen. Raises CalculusError BG302 where a Jacobian would have more than
    20,000 elements, and what `gradient` raises.
    """
    found = gradient(cost, tuple(dict.fromkeys(as_targets(wrt))))
    _refuse_open(topological_order([cost]))
    _refuse_empty(cost, sizes or {})
    build = _Builder(cost, found, {cost: cost_name, **dict(names or {})}, sizes or {}, values or {})
    return build.chain()


def _refuse_large(values: Sequence[Node], sizes: Mapping[str, int]) -> None:
    """Refuse what no Jacobian can be written out of, before any number is made up for it."""
    for node in values:
        least = at(count(node.shape), dict.fromkeys(symbols(node.shape), 1) | dict(sizes))
        if isinstance(least, int) and least > MOST_ELEMENTS:
            what = "its Jacobians are too large to write out"
            raise CalculusError("BG302", str(node.op), what, got=f"{least:,} elements", hint="give smaller sizes")


def _sizes(given: Mapping[Node, Array], wanted: Mapping[str, int]) -> dict[str, int]:
    """The number of every symbol; refuses a name that is none."""
    sizes: dict[str, int] = {}
    for node, array in given.items():
        measure(node, array.shape, sizes)
    if unknown := wanted.keys() - sizes.keys():
        expected = ", ".join(sizes) or "none"
        raise CalculusError("BG302", min(unknown), "no dimension of this name", expected=expected)
    return sizes


def _refuse_open(order: Sequence[Node]) -> None:
    for node in order:
        if isinstance(node.shape, Open) and node.op.is_variable:
            raise CalculusError("BG302", str(node.op), "its shape is open", hint="annotate it, as in --shape 'b:n'")


def _refuse_empty(cost: Node, sizes: Mapping[str, int]) -> None:
    """Refuse arrays without elements, whose Jacobians cannot be written out."""
    for node in topological_order([cost]):
        if at(count(node.shape), sizes) == 0:
            hint = "give sizes of 1 or more"
            raise CalculusError("BG302", str(node.op), "has no elements", got=shape_text(node.shape), hint=hint)


class _Builder:
    """Builds one chain."""

    def __init__(
        self,
        cost: Node,
        found: Gradients,
        names: Mapping[Node, str],
        sizes: Mapping[str, int],
        values: Mapping[Node, Any],
    ) -> None:
        self.cost, self.found = cost, found
        named = name_intermediates([cost], names)
        rendered = render_all([cost], named)
        self.names: dict[Node, Tree] = {node: as_tree(name) for node, name in named.items()} | rendered.introduced
        self.formulas = rendered.definitions
        order = topological_order([cost])
        _refuse_large([node for node in order if node in self.names], sizes)
        self.given = tiny_values(cost, found.targets, values, sizes)
        self.sizes = _sizes(self.given, sizes)
        self.lines = [node for node in order if node in self.names]
        arrays = evaluate(self.lines, self.given)
        self.arrays = dict(zip(self.lines, arrays, strict=True))

    def chain(self) -> Chain:
        """All of it."""
        edges = self.edges()
        value = {node: self.value(node) for node in self.lines}
        targets = tuple(value[node] for node in self.found.targets)
        rules = evaluate(list(self.found.nodes), self.given)
        return Chain(
            value[self.cost],
            targets,
            tuple(value.values()),
            tuple(edges),
            self.sizes,
            self.given,
            self.found,
            tuple(_downward(self.cost, targets, edges)),
            tuple(_upward(self.cost, target, edges) for target in targets),
            tuple(np.asarray(each) for each in rules),
            _work(self.cost, self.found, targets, edges),
        )

    def value(self, node: Node) -> Value:
        """A named value."""
        return Value(node, self.names[node], self.formulas.get(node), self.arrays[node])

    def edges(self) -> list[EdgeJacobian]:
        """Every edge on a path from a target to the cost."""
        reached = set(self.found.targets)
        edges: list[EdgeJacobian] = []
        for z in self.lines:
            if z in self.formulas:
                local = Local(z, self.names)
                on_path = [x for x in local.leaves if x in reached and x.dtype in FLOATS]
                edges += [self.edge(local, x) for x in on_path]
                reached |= {z} if on_path else set()
        useful = {self.cost}
        for edge in reversed(edges):
            if edge.z.node in useful:
                useful.add(edge.x.node)
        return [edge for edge in edges if edge.z.node in useful]

    def edge(self, local: Local, x: Node) -> EdgeJacobian:
        """∂z/∂x with everything there is to say of it."""
        z = local.z
        if self.arrays[z].size * self.arrays[x].size > MOST_ELEMENTS:
            got = f"{self.arrays[z].size} by {self.arrays[x].size} elements"
            raise CalculusError(
                "BG302", str(z.op), "a Jacobian too large to write out", got=got, hint="give smaller sizes"
            )
        arrays = self._probed(local, x)
        sent = local.sent(x)
        read = coefficient(sent, local.G)
        matrix, element = local.formulas(read)
        rule, lets = local.rule(sent, self.names[self.cost], ends=z is self.cost)
        return EdgeJacobian(
            self.value(z),
            self.value(x),
            matrix,
            element,
            ((), ()) if read is None else (read.above, read.below),
            rule,
            lets,
            local.outer(sent),
            structure(arrays, z.rank),
            arrays[0],
            None if read is None else self._difference(local, read, arrays[0]),
        )

    def _probed(self, local: Local, x: Node) -> list[Array]:
        """The Jacobian at the tiny example, and at others where it is finite."""
        leaf, found, sizing = local.leaves[x], list[Array](), self._sizing(local)
        for number, arrays in enumerate(probes({node: self.arrays[node] for node in local.leaves})):
            bound = {local.leaves[node]: array for node, array in arrays.items()}
            array = jacobian_values(local.node, leaf, {**sizing, **bound})
            if number == 0 or np.isfinite(array).all():
                found.append(array)
        return found

    def _sizing(self, local: Local) -> dict[Node, Array]:
        """Inputs of the whole graph that tell sizes which the operands of one formula do not."""
        order = topological_order([local.node])
        wanted = {
            name for node in order for name in symbols(node.shape) | symbols_within(tuple(vars(node.op).values()))
        }
        missing = wanted.difference(*(symbols(leaf.shape) for leaf in local.leaves.values()))
        telling = {name: node for node in self.given for name in symbols(node.shape)}
        return {telling[name]: self.given[telling[name]] for name in sorted(missing)}

    def _difference(self, local: Local, read: Coefficient, array: Array) -> float:
        bound = {**self._sizing(local), **{leaf: self.arrays[node] for node, leaf in local.leaves.items()}}
        bound[local.result] = self.arrays[local.z]
        sizes = dict(zip((*read.above, *read.below), array.shape, strict=True))
        for part in read.parts:
            for factor in part.factors:
                shape = evaluate(factor.node, bound).shape
                sizes |= dict(zip(factor.letters, shape, strict=True))
        missing = {letter for part in read.parts for letter in part.summed} - sizes.keys()
        if missing:
            return float("nan")
        written = read.array(lambda node: evaluate(node, bound), sizes)
        return float(np.abs(written - array).max(initial=0.0))


def _downward(cost: Node, targets: Sequence[Value], edges: Sequence[EdgeJacobian]) -> list[Array]:
    """∂cost/∂target for each, from the cost down: the sum over paths, without walking each."""
    rows = {cost: np.ones(())}
    for edge in reversed(edges):
        part = np.tensordot(rows[edge.z.node], edge.array, edge.z.node.rank)
        rows[edge.x.node] = rows.get(edge.x.node, np.zeros(part.shape)) + part
    return [np.asarray(rows[target.node]) for target in targets]


def _upward(cost: Node, target: Value, edges: Sequence[EdgeJacobian]) -> Array:
    """∂cost/∂target from the target up: the Jacobian of each value with respect to it."""
    shape = target.array.shape
    columns = {target.node: np.eye(target.array.size).reshape((*shape, *shape))}
    for edge in edges:
        if edge.x.node in columns:
            part = np.tensordot(edge.array, columns[edge.x.node], edge.x.node.rank)
            columns[edge.z.node] = columns.get(edge.z.node, np.zeros(part.shape)) + part
    return np.asarray(columns[cost])


def _work(cost: Node, found: Gradients, targets: Sequence[Value], edges: Sequence[EdgeJacobian]) -> Work:
    """Products by an identity, at either end, are none."""
    forward: list[Dim] = []
    for target in targets:
        above = {target.node}
        for edge in edges:
            if edge.x.node in above:
                above.add(edge.z.node)
                forward += [edge.size * count(target.node.shape)] if edge.x.node is not target.node else []
    backward = [edge.size for edge in edges if edge.z.node is not cost]
    simple = simplify([cost, *found.nodes]).nodes
    done = ancestors(simple[:1])
    rules = [node.op.work(node.inputs) for node in topological_order(simple[1:]) if node not in done]
    return Work(_total(forward), _total(backward), _total(rules))


def _total(parts: Sequence[Dim]) -> Dim:
    """The sum, halves first: a polynomial of many terms is then not copied for every part."""
    if len(parts) < 2:
        return parts[0] if parts else 0
    middle = len(parts) // 2
    return _total(parts[:middle]) + _total(parts[middle:])
