"""Calls made ready: where arrays have the shapes and dtypes of an earlier call, only their addresses are put in.

All that a first call works out from shapes (sizes, layout, addresses of temporaries, number of threads) holds for the
next one too. What depends on values, an index outside its axis, does not, so programs with such guards are never ready.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from backgraph.compiler.call import Call
from backgraph.compiler.nest import Value
from backgraph.language.op import Array

LARGEST_ARENA = 1 << 20
"""Bytes of an arena up to which a call is kept for the next one; larger ones are not worth holding."""


def signature(arrays: Sequence[Any]) -> tuple[Any, ...] | None:
    """Shapes and dtypes; None unless all are arrays that native code can read as they are."""
    for array in arrays:
        if type(array) is not np.ndarray or not (array.flags.c_contiguous and array.flags.aligned):
            return None
    return tuple((array.shape, array.dtype) for array in arrays)


class Ready:
    """A call of a program that was made, and calls like it that nobody is using just now.

    Each brings arrays for `inputs`; other arrays of the call that was made stay what they are.
    """

    def __init__(self, call: Call, run: Any, batch: int, inputs: Sequence[Value], outputs: Sequence[Value]) -> None:
        compiled, sizes, threads, memory = call.compiled, call.sizes, call.threads, call.memory
        self.make: Callable[[Mapping[Value, Array]], Call] = lambda given: Call(
            compiled, given, sizes, threads=threads, memory=memory
        )
        self.run, self.batch = run, batch
        made = list(dict.fromkeys(outputs))
        self.bound = {value: array for value, array in call.given.items() if value not in (*inputs, *made)}
        self.new = [(call.given[value].shape, call.given[value].dtype) for value in made]
        self.order = [made.index(value) for value in outputs]
        self.values = (*inputs, *made)
        self.places = [call.places.get(value, ()) for value in self.values]
        self.calls: list[Call] = []
        self.keep(call)

    def keep(self, call: Call) -> None:
        """Keep a call that has ended for the next one."""
        if call.arena_bytes <= LARGEST_ARENA:
            call.end()
            self.calls.append(call)

    def __call__(self, arrays: Sequence[Any]) -> list[Array]:
        """The outputs, new arrays."""
        made = [np.empty(shape, dtype) for shape, dtype in self.new]
        given = (*arrays, *made)
        try:
            call = self.calls.pop()
        except IndexError:
            call = self.make({**self.bound, **dict(zip(self.values, given, strict=True))})
        else:
            call.put(self.places, given)
        call(self.run, 1, self.batch)
        self.keep(call)
        return [made[number] for number in self.order]
