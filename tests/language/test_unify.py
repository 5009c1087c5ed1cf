"""Unification: dimensions are solved for, rigid symbols are never equated, constraints work forward and backward."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph.language.dims import Dim, Open, shape_text, symbol
from backgraph.language.text.constraints import Broadcast, Product, Reduction, Swap
from backgraph.language.text.layouts import Classes, Concatenation
from backgraph.language.text.unify import Clash, Constraint, Slot, Unifier, find

m, d = symbol("m"), symbol("d")


def test_a_placeholder_takes_what_it_meets() -> None:
    sizes = Unifier({})
    a, b, c = sizes.fresh(3)
    sizes.equate(a, b, "k")
    sizes.equate(b, c, "k")
    sizes.equate(c, 5, "k")
    assert [sizes.resolve(each) for each in (a, b, c)] == [5, 5, 5]


@pytest.mark.parametrize(("left", "right"), [(m, d), (m, 3), (3, 4), (m + 1, m), (m * d, m * 2)])
def test_rigid_dimensions_clash(left: Dim, right: Dim) -> None:
    with pytest.raises(Clash):
        Unifier({}).equate(left, right, "k")


def test_a_sum_is_solved_for_its_placeholder() -> None:
    sizes = Unifier({})
    (a,) = sizes.fresh(1)
    sizes.equate(a + 2, m + 5, "k")
    assert sizes.resolve(a) == m + 3


def test_no_size_is_negative() -> None:
    sizes = Unifier({})
    (a,) = sizes.fresh(1)
    with pytest.raises(Clash):
        sizes.equate(a + 5, 3, "k")


def test_a_placeholder_is_not_part_of_its_own_value() -> None:
    sizes = Unifier({})
    (a,) = sizes.fresh(1)
    with pytest.raises(Clash):
        sizes.equate(a, a + 1, "k")
    with pytest.raises(Clash):
        sizes.equate(a, a * a, "k")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_unification_is_the_smallest_equivalence(pairs: list[tuple[int, int]]) -> None:
    sizes = Unifier({})
    dims, slots = sizes.fresh(10), [Slot() for _ in range(10)]
    classes = [{i} for i in range(10)]
    for i, j in pairs:
        sizes.equate(dims[i], dims[j], "k")
        sizes.unify(slots[i], slots[j])
        merged = classes[i] | classes[j]
        for each in merged:
            classes[each] = merged
    for i in range(10):
        for j in range(10):
            same = j in classes[i]
            assert (sizes.resolve(dims[i]) == sizes.resolve(dims[j])) == same
            assert (find(slots[i]) is find(slots[j])) == same


def slot(*shape: Dim) -> Slot:
    return Slot(shape)


def solved(constraint: Constraint, *slots: Slot) -> list[str]:
    sizes = Unifier({}, 100)
    assert constraint.step(sizes)
    return [shape_text(shape) if (shape := sizes.shape(each)) is not None else "?" for each in slots]


@pytest.mark.parametrize(
    ("a", "b", "result", "expected"),
    [
        ((m, d), (d, 3), None, ["m×d", "d×3", "m×3"]),
        ((m, d), (d,), None, ["m×d", "d", "m"]),
        ((d,), (d, m), None, ["d", "d×m", "m"]),
        ((d,), None, (), ["d", "d", "scalar"]),
        (None, (d,), (m,), ["m×d", "d", "m"]),
        ((m, d), None, (m,), ["m×d", "d", "m"]),
        ((m, d), None, (m, 3), ["m×d", "d×3", "m×3"]),
        ((5, m, d), (d, 3), None, ["5×m×d", "d×3", "5×m×3"]),
    ],
)
def test_products_work_forward_and_backward(
    a: tuple[Dim, ...] | None, b: tuple[Dim, ...] | None, result: tuple[Dim, ...] | None, expected: list[str]
) -> None:
    slots = Slot(a), Slot(b), Slot(result)
    assert solved(Product(*slots, computed=False), *slots) == expected


def test_a_product_waits_until_it_knows_enough() -> None:
    assert not Product(Slot((m, d)), Slot(), Slot(), computed=False).step(Unifier({}))


def test_the_scalar_result_of_a_broadcast_makes_scalars() -> None:
    a, b, result = Slot(), Slot(), slot()
    assert solved(Broadcast([a, b], result), a, b) == ["scalar", "scalar"]


def test_what_scales_by_a_number_keeps_its_shape() -> None:
    a, result = Slot(), Slot()
    sizes = Unifier({})
    assert Broadcast([slot(), a], result).step(sizes)
    assert find(a) is find(result)


def test_open_shapes_fit_into_known_ones() -> None:
    b, c = Slot(Open(frozenset("b"))), Slot(Open(frozenset("c")))
    for others, expected in (([slot(m, d)], "m×d"), ([slot()], "shape of b"), ([c], "shape of b, c")):
        result = Slot()
        assert solved(Broadcast([b, *others], result), result) == [expected]


def test_ones_are_stretched_and_symbols_are_not() -> None:
    result = Slot()
    assert solved(Broadcast([slot(m, 1), slot(d)], result), result) == ["m×d"]
    with pytest.raises(Clash):
        Broadcast([slot(m), slot(d)], Slot()).step(Unifier({}))


@pytest.mark.parametrize(
    ("axis", "keepdims", "expected"),
    [(None, False, "scalar"), (0, False, "d"), (-1, True, "m×1"), ((0, 1), False, "scalar"), (None, True, "1×1")],
)
def test_reductions(axis: int | tuple[int, ...] | None, keepdims: bool, expected: str) -> None:
    result = Slot()
    assert solved(Reduction(slot(m, d), result, axis, keepdims), result) == [expected]


def test_a_transpose_works_backward() -> None:
    of = Slot()
    assert solved(Swap(of, slot(m, d)), of) == ["d×m"]


def test_sizes_of_concatenated_operands_add_up() -> None:
    a, result = Slot(), slot(7)
    assert solved(Concatenation([a, slot(3)], result, 0), a, result) == ["4", "7"]


@pytest.mark.parametrize(
    ("labels", "free", "indices"), [(None, True, True), ((m,), False, True), ((m, d), False, False)]
)
def test_labels_are_indices_or_rows(labels: tuple[Dim, ...] | None, free: bool, indices: bool) -> None:
    constraint = Classes(slot(m, d), Slot(labels), Slot(), free)
    assert constraint.step(Unifier({}))
    assert constraint.indices == indices
