"""Arrays that lie together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from backgraph.compiler.address import LINE, address
from backgraph.language.op import Array
from backgraph.train.block import blocks, together
from backgraph.train.native import NativeEngine
from tests.compiler.programs import example
from tests.compiler.test_native_engine import run

KINDS = st.tuples(array_shapes(min_dims=0, max_dims=3, min_side=0), st.sampled_from(["float32", "float64", "int64"]))


def made(kinds: list[tuple[tuple[int, ...], str]]) -> list[Array]:
    r = np.random.default_rng(0)
    return [np.asarray(r.normal(size=shape) * 9).astype(dtype) for shape, dtype in kinds]


@given(st.lists(KINDS, max_size=9))
def test_copies_are_equal_aligned_and_apart(kinds: list[tuple[tuple[int, ...], str]]) -> None:
    arrays = made(kinds)
    copies = together(arrays)
    for copy, array in zip(copies, arrays, strict=True):
        assert (copy.shape, copy.dtype, copy.tobytes()) == (array.shape, array.dtype, array.tobytes())
        assert not copy.size or address(copy) % LINE == 0
        assert copy.flags.c_contiguous
        assert copy.flags.writeable
    for number, copy in enumerate(copies):
        copy.fill(number)
    for number, copy in enumerate(copies):
        assert (copy == number).all()


@given(st.lists(KINDS, max_size=9))
def test_blocks_hold_all_of_them_and_nothing_else(kinds: list[tuple[tuple[int, ...], str]]) -> None:
    copies = together(made(kinds))
    found = blocks(copies)
    assert found is not None
    assert sum(block.nbytes for block in found) == sum(-(-copy.nbytes // LINE) * LINE for copy in copies)
    before = [copy.copy() for copy in copies]
    kept = [block.copy() for block in found]
    for copy in copies:
        copy.fill(7)
    for block, old in zip(found, kept, strict=True):
        assert (block[old != 0] == 7).all()  # what lies between arrays is 0 and stays so
        block[...] = old
    for copy, old in zip(copies, before, strict=True):
        np.testing.assert_array_equal(copy, old)


@pytest.mark.parametrize(
    "others",
    [
        lambda copies: copies[:-1],
        lambda copies: [*copies[:-1], copies[-1].copy()],
        lambda copies: [*copies, np.zeros(3)],
        lambda copies: [*copies, *together([np.zeros(3)])[:1], np.frombuffer(b"12345678")],
        lambda copies: [copies[0], copies[0]],
    ],
)
def test_other_arrays_are_no_blocks(others: object) -> None:
    assert blocks(others(together(made([((3, 4), "float64"), ((5,), "float64"), ((2,), "float64")])))) is None  # type: ignore[operator]


def test_what_went_wrong_is_taken_back_from_either() -> None:
    step, start, data = example(learning_rate=1e200)
    index = np.arange(60).reshape(4, 15)
    expected = run(NativeEngine(), step, start, data, index)
    from backgraph.train.interrupt import Interrupt

    own = together(start)
    losses = NativeEngine().run(step, own, data, index=index, scalars=step.schedule(0, 4), interrupt=Interrupt())
    assert losses.tobytes() == expected[0].tobytes()
    assert 0 < len(losses) < 4
    for a, b in zip(own, expected[1], strict=True):
        assert a.tobytes() == b.tobytes()
        assert np.isfinite(a).all()
