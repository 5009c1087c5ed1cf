"""Compiled functions: `compile(inputs, outputs)` gives a callable; arrays in, arrays out.

All dimensions are constants of the machine code except the batch, which is a run-time count. Other symbolic dimensions
take their sizes from the first call that shows them; each new combination is compiled once.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from backgraph.collector import uncollected
from backgraph.compiler.budget import byte_count
from backgraph.compiler.call import Call, native_run, number_of_threads, plain
from backgraph.compiler.memory import concrete
from backgraph.compiler.nest import Value
from backgraph.compiler.pipeline import Compiled, compile_program
from backgraph.compiler.processors import available_processors
from backgraph.compiler.ready import Ready, signature
from backgraph.compiler.target import Target
from backgraph.errors import CalculusError
from backgraph.evaluate import Bindings, bind, by_leaf
from backgraph.language.dims import Polynomial, symbols
from backgraph.language.node import Node
from backgraph.language.op import Array
from backgraph.language.ops.leaf import Variable
from backgraph.language.walk import topological_order

KEPT = 16
"""Shapes of inputs for which a function keeps a call ready."""


def batch_symbol(leaves: Sequence[Node]) -> str | None:
    """The dimension that stays a run-time count: the symbol that leads most inputs and is in no parameter."""
    fixed = {s for x in leaves if isinstance(x.op, Variable) and x.op.role == "parameter" for s in symbols(x.shape)}
    votes: dict[str, int] = {}
    for leaf in leaves:
        if isinstance(leaf.shape, tuple) and leaf.shape and isinstance(leaf.shape[0], Polynomial):
            for name in leaf.shape[0].symbols - fixed:
                votes[name] = votes.get(name, 0) + 1
    return max(votes, key=lambda name: votes[name]) if votes else None


class Function:
    """Outputs of a graph as a native function of its inputs.

    Call it with values by position (the order of `inputs`) or by name; it returns one array, or a list. `threads`
    limits the number of threads; small problems run on one. The result has the same bits for any number. `bind` gives
    some of the inputs their values once and for all.
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        *,
        single: bool,
        threads: int | None = None,
        target: Target | None = None,
        level: int = 3,
        memory: int | str | None = None,
    ) -> None:
        self.inputs, self.outputs, self.single = tuple(inputs), tuple(outputs), single
        self.threads, self.target, self.level = threads, target, level
        self.memory = None if memory is None else byte_count(memory)
        self.order = topological_order(outputs)
        needed = {node for node in self.order if isinstance(node.op, Variable)}
        missing = [str(node.op) for node in needed if node not in self.inputs]
        if missing:
            raise CalculusError("BG302", "compile", "an output depends on a leaf not among the inputs", got=missing[0])
        self.batch = batch_symbol(self.inputs)
        self.open, self.bound = self.inputs, dict[Node, Array]()
        self.programs: dict[tuple[tuple[str, Any], ...], NativeProgram] = {}
        self._ready: dict[Any, Ready] = {}
        self._lock = threading.Lock()

    def bind(self, values: Bindings | None = None, /, **named: ArrayLike) -> Function:
        """This function with values for some of its inputs, by node or by name, such as the weights of a network.

        The new function holds copies of them, takes the other inputs in their order, and shares its machine code with
        this one. Raises CalculusError BG302 for an input that is not there, or is bound already, and for a misfit.
        """
        given = by_leaf({**(values or {}), **named}, self.open)
        if None in given:
            raise CalculusError("BG302", "bind", "a value for what is not an input", expected=self._open_names())
        table, _ = bind([], {**self.bound, **given})
        new = copy.copy(self)
        new.bound = {
            leaf: array if leaf in self.bound else np.array(array, leaf.dtype, order="C")
            for leaf, array in table.items()
        }
        new.open = tuple(leaf for leaf in self.inputs if leaf not in new.bound)
        new._ready = {}
        return new

    def __call__(self, *arrays: ArrayLike, **named: ArrayLike) -> Any:
        """The outputs for these inputs. Raises what the evaluator does: CalculusError BG302 for a misfit, GraphError
        BG103 or DataError BG206 for an index or label outside its range, be it given or computed.
        """
        shown = None if named else signature(arrays)
        key = shown, self.threads or available_processors()
        ready = None if shown is None else self._ready.get(key)
        results = self._called(arrays, named, key) if ready is None else ready(arrays)
        return results[0] if self.single else results

    def _called(self, arrays: Sequence[ArrayLike], named: Mapping[str, ArrayLike], key: Any) -> list[Array]:
        """The results of a call whose arrays are looked at; one like it will be ready."""
        if len(arrays) > len(self.open):
            raise CalculusError("BG302", "call", "too many arrays", got=len(arrays), expected=self._open_names())
        values = {**self.bound, **dict(zip(self.open, arrays, strict=False)), **by_leaf(named, self.open)}
        table, sizes = bind(self.inputs, values)
        results, ready = self.program(sizes)(table, sizes, self.open)
        as_they_are = len(arrays) == len(self.open) and all(
            table[x] is a for x, a in zip(self.open, arrays, strict=True)
        )
        if key[0] is not None and as_they_are and ready is not None:
            if len(self._ready) >= KEPT:
                self._ready.clear()
            self._ready[key] = ready
        return results

    def _open_names(self) -> str:
        return ", ".join(str(leaf.op) for leaf in self.open) or "nothing"

    def program(self, sizes: Mapping[str, Any]) -> NativeProgram:
        """The native program for these sizes (all but the batch)."""
        fixed = tuple(sorted((name, size) for name, size in sizes.items() if name != self.batch))
        with self._lock:
            if fixed not in self.programs:
                self.programs[fixed] = NativeProgram(self, dict(fixed), sizes)
            return self.programs[fixed]


def specialised(
    outputs: Sequence[Node], leaves: Sequence[Node], sizes: Mapping[str, Any]
) -> tuple[list[Node], dict[Node, Node]]:
    """`outputs` with every known dimension put in, and the new leaf for each old one."""
    new: dict[Node, Node] = {}
    for leaf in leaves:
        card = leaf.op
        assert isinstance(card, Variable)
        shape = sizes.get(f"shape of {card.label}") if not isinstance(leaf.shape, tuple) else leaf.shape
        assert shape is not None
        known = tuple(d.at(sizes) if isinstance(d, Polynomial) else d for d in shape)
        new[leaf] = Variable(card.label, card.role, known, card.of_dtype).apply()
    for node in topological_order(outputs):
        if node not in new:
            new[node] = node.op.at(sizes).apply(*(new[x] for x in node.inputs))
    return [new[x] for x in outputs], {leaf: new[leaf] for leaf in leaves}


class NativeProgram:
    """Machine code for one set of sizes, callable with any batch."""

    @uncollected
    def __init__(self, function: Function, sizes: dict[str, Any], expected: Mapping[str, Any]) -> None:
        outputs, leaves = specialised(function.outputs, function.inputs, sizes)
        self.arguments = {
            leaf: Value(str(leaf.op), new.shape, new.dtype, "argument")  # type: ignore[arg-type]
            for leaf, new in leaves.items()
        }
        values = {leaves[leaf]: value for leaf, value in self.arguments.items()}
        self.batch, self.threads, self.memory = function.batch, function.threads, function.memory
        blocked = None if self.memory is None else self.batch
        self.compiled: Compiled = compile_program(
            outputs, values, target=function.target, level=function.level, blocked=blocked,
            sizes={self.batch: expected[self.batch]} if self.batch is not None and self.batch in expected else None,
        )  # fmt: skip
        self.run = native_run(self.compiled)

    def __call__(
        self, table: Mapping[Node, Array], sizes: Mapping[str, Any], changing: Sequence[Node]
    ) -> tuple[list[Array], Ready | None]:
        """Arrays for the outputs, and the next call with such inputs, if that can be made ready; `table` has an array
        for every input, and the next call will bring others for those that are `changing`.
        """
        batch = sizes.get(self.batch, 1) if self.batch else 1
        known, guards = {self.batch or "": batch}, self.compiled.guards
        given = {value: plain(table[leaf], value.dtype) for leaf, value in self.arguments.items()}
        guards.before(given, known)
        given |= {value: new_array(value, known) for value in (*self.compiled.outputs, *guards.values)}
        threads = number_of_threads(self.compiled, known, self.threads, 1)
        call = Call(self.compiled, given, known, threads=threads, memory=self.memory)
        call(self.run, 1, batch)
        fault = guards.fault(given, known, 1)
        if fault is not None:
            raise fault[1]
        outputs = self.compiled.outputs
        results = [given[value] for value in outputs]
        as_they_are = all(given[value] is table[leaf] for leaf, value in self.arguments.items())
        if guards.given or guards.computed or not as_they_are:
            return results, None
        return results, Ready(call, self.run, batch, [self.arguments[leaf] for leaf in changing], outputs)


def new_array(value: Value, sizes: Mapping[str, int]) -> Array:
    """Memory for an output."""
    return np.empty(tuple(concrete(d, sizes) for d in value.shape), value.dtype)


def compile(
    inputs: Node | Sequence[Node],
    outputs: Node | Sequence[Node],
    *,
    threads: int | None = None,
    target: Target | None = None,
    level: int = 3,
    memory: int | str | None = None,
) -> Function:
    """A native function of `inputs` that computes `outputs`.

    `outputs` a node: it returns an array; a sequence: a list. `target` forces an instruction set, `level` is LLVM's
    optimisation level, `memory` bounds the temporaries of a call ("8MiB" or bytes) by taking the batch in blocks of
    rows; none of them changes a bit of the result. A call raises TrainingError BG401 where `memory` is too little.
    """
    ins = [inputs] if isinstance(inputs, Node) else list(inputs)
    single = isinstance(outputs, Node)
    outs = [outputs] if isinstance(outputs, Node) else list(outputs)
    return Function(ins, outs, single=single, threads=threads, target=target, level=level, memory=memory)
