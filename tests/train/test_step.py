"""The training step as graph: what it computes equals the update written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backgraph import (
    constant,
    cross_entropy,
    evaluate,
    gradient,
    input,
    labels,
    matmul,
    parameter,
    relu,
    sign,
    squared_error,
    sum,
)
from backgraph.errors import BackgraphError, UsageError
from backgraph.optim import OPTIMIZERS, SGD, Adam, AdamW, ClipByGlobalNorm
from backgraph.train.engine import NumpyEngine, bindings
from backgraph.train.interrupt import Interrupt
from backgraph.train.step import Step, training_step

RNG = np.random.default_rng(0)
ROWS, ONE_HOT = RNG.normal(size=(6, 3)), np.eye(2)[[0, 1, 1, 0, 1, 0]]
W1_START, W2_START = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))


def example(decay: float = 0.0) -> tuple[Any, ...]:
    """Section 6.5.7: X, y, W1, W2, J."""
    X, y = input("X", ("m", 3)), labels("y")
    W1, W2 = parameter("W1", (3, 4)), parameter("W2", (4, 2))
    J = cross_entropy(matmul(relu(matmul(X, W1)), W2), y)
    return X, y, W1, W2, (J + decay * (sum(W1**2) + sum(W2**2)) if decay else J)


def run(step: Step, variables: list[Any], data: Any, steps: int = 1, rows: Any = None) -> Any:
    index = np.tile(np.arange(6) if rows is None else rows, (steps, 1))
    return NumpyEngine().run(step, variables, data, index=index, scalars=step.schedule(0, steps), interrupt=Interrupt())


def by_hand(W1: Any, W2: Any, rate: float, decay: float) -> tuple[Any, Any]:
    """The lines of the book: G, HᵀG, G W2ᵀ, G', XᵀG'."""
    U1 = ROWS @ W1
    H = np.maximum(0, U1)
    U2 = H @ W2
    P = np.exp(U2) / np.exp(U2).sum(axis=1, keepdims=True)
    G = (P - ONE_HOT) / 6
    into_U1 = (G @ W2.T) * (U1 > 0)
    return W1 - rate * (ROWS.T @ into_U1 + 2 * decay * W1), W2 - rate * (H.T @ G + 2 * decay * W2)


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_the_step_is_the_book_s_update(decay: float) -> None:
    X, y, W1, W2, J = example(decay)
    step = training_step(J, [W1, W2], SGD(learning_rate=0.5))
    variables = step.arrays({W1: W1_START, W2: W2_START})
    data = {X: ROWS, y: ONE_HOT.argmax(axis=1)}
    expected: tuple[Any, Any] = (W1_START, W2_START)
    for _ in range(3):
        expected = by_hand(*expected, 0.5, decay)
    losses = run(step, variables, data, steps=3)
    assert losses.shape == (3, 1)
    assert losses[0, 0] == pytest.approx(evaluate(J, data | {W1: W1_START, W2: W2_START}))
    for ours, theirs in zip(variables, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)


def test_decay_in_the_cost_is_decay_in_the_optimiser() -> None:
    X, y, W1, W2, J = example(0.01)
    X_, y_, W1_, W2_, plain = example()
    one = training_step(J, [W1, W2], Adam(learning_rate=0.1))
    other = training_step(plain, [W1_, W2_], Adam(learning_rate=0.1, decay=0.01))
    first, second = one.arrays({W1: W1_START, W2: W2_START}), other.arrays({W1_: W1_START, W2_: W2_START})
    labels_ = ONE_HOT.argmax(axis=1)
    run(one, first, {X: ROWS, y: labels_}, steps=5)
    run(other, second, {X_: ROWS, y_: labels_}, steps=5)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_begins_as_the_optimiser_says(name: str) -> None:
    _, _, W1, W2, J = example()
    step = training_step(J, [W1, W2], OPTIMIZERS[name]())
    assert step.variables[:2] == (W1, W2) == step.parameters
    assert len(step.variables) == 2 * (1 + len(OPTIMIZERS[name]().state(W1)))
    state = step.arrays({W1: W1_START, W2: W2_START})[2:]
    assert all(array.flags.c_contiguous and not array.any() for array in state)


def test_initial_values_are_copied() -> None:
    _, _, W1, W2, J = example()
    start = W1_START.copy()
    step = training_step(J, [W1, W2], SGD())
    step.arrays({W1: start, W2: W2_START})[0][:] = 7
    assert np.array_equal(start, W1_START)


def test_only_what_is_named_decays() -> None:
    X, t = input("X", ("m", 2)), input("t", ("m",))
    w, b = parameter("w", (2,)), parameter("b")
    step = training_step(
        squared_error(X @ w + b, t), [w, b], AdamW(learning_rate=0.1, decoupled_decay=0.5), decayed=[w]
    )
    variables = step.arrays({w: np.ones(2), b: np.ones(())})
    run(step, variables, {X: np.zeros((6, 2)), t: np.ones(6)})
    assert variables[0].tolist() == [0.95, 0.95]
    assert variables[1] == 1.0


def test_clipping_is_part_of_the_graph() -> None:
    w = parameter("w", (2,))
    step = training_step(sum(w * constant([3.0, 4.0])), [w], SGD(learning_rate=1.0), clip=ClipByGlobalNorm(1.0))
    variables = step.arrays({w: np.zeros(2)})
    run(step, variables, {})
    np.testing.assert_allclose(variables[0], [-0.6, -0.8], rtol=1e-15)


def test_inputs_without_rows_are_given_whole() -> None:
    lam, w = input("lam"), parameter("w", (2,))
    step = training_step(lam * sum(w**2), [w], SGD(learning_rate=0.5))
    assert (step.rows, step.fixed) == ((), (lam,))
    variables = step.arrays({w: np.ones(2)})
    run(step, variables, {lam: np.asarray(0.25)})
    assert variables[0].tolist() == [0.75, 0.75]


def test_metrics_come_with_the_cost() -> None:
    w = parameter("w", (2,))
    step = training_step(sum(w**2), [w], SGD(learning_rate=0.5), metrics=[sum(w)])
    assert run(step, step.arrays({w: np.ones(2)}), {}).tolist() == [[2.0, 2.0]]


def test_scalars_are_rounded_once() -> None:
    w = parameter("w", (), "float32")
    step = training_step(w * w, [w], Adam(learning_rate=0.1))
    values = bindings(step, step.arrays({w: np.float32(1)}), {}, np.arange(1), step.schedule(4, 1)[0])
    wanted = Adam(learning_rate=0.1).scalars(4)
    got = {str(node.op): values[node] for node in step.scalars}
    assert got == {name: np.float32(number) for name, number in wanted.items()}


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    w = parameter("w")
    step = training_step(w**4, [w], SGD(learning_rate=1.0))
    variables = step.arrays({w: np.asarray(3.0)})
    before = None
    for _ in range(20):
        before = variables[0].copy()
        if not len(run(step, variables, {})):
            break
    assert np.isfinite(variables[0])
    assert variables[0] == before


@pytest.mark.parametrize(
    ("code", "build"),
    [
        ("BG601", lambda: training_step(parameter("w") * 2, [], SGD())),
        ("BG601", lambda: training_step(W := parameter("w") * 2, [W], SGD())),
        ("BG108", lambda: training_step(w := parameter("w", (2,)), [w], SGD())),
        ("BG301", lambda: training_step(parameter("w") * 2, [parameter("v")], SGD())),
        ("BG102", lambda: training_step(parameter("w") * 2, [parameter("w"), parameter("v", (), "float32")], SGD())),
        ("BG302", lambda: training_step(w := parameter("w"), [w], SGD()).arrays({})),
        ("BG302", lambda: training_step(w := parameter("w"), [w], SGD()).arrays({w: np.ones(2)})),
        ("BG302", lambda: training_step(w := parameter("w"), [w], SGD()).arrays({w: np.float32(1)})),
    ],
)
def test_what_cannot_be_trained_is_refused(code: str, build: Any) -> None:
    with pytest.raises(BackgraphError, match=code):
        build()


def test_an_optimizer_by_name_is_refused() -> None:
    W = parameter("W", (3, 2))
    with pytest.raises(UsageError, match="not an optimiser"):
        training_step(sum(W**2), [W], "sgd")  # type: ignore[arg-type]


def test_an_edited_gradient_is_trained_with() -> None:
    """The sign of the gradient of W1 (a step of signSGD), and that of W2 as derived."""
    X, y, W1, W2, J = example()
    derived = gradient(J, [W1, W2])
    step = training_step(J, [W1, W2], SGD(learning_rate=0.5), gradients={W1: sign(derived[0])})
    variables = step.arrays({W1: W1_START, W2: W2_START})
    data = {X: ROWS, y: ONE_HOT.argmax(axis=1)}
    run(step, variables, data)
    g1, g2 = (evaluate(g, data | {W1: W1_START, W2: W2_START}) for g in derived)
    np.testing.assert_allclose(variables[0], W1_START - 0.5 * np.sign(g1), rtol=1e-13)
    np.testing.assert_allclose(variables[1], W2_START - 0.5 * g2, rtol=1e-13)


def test_a_cost_need_not_reach_a_parameter_whose_gradient_is_given() -> None:
    x, w = input("x", ("m",)), parameter("w")
    step = training_step(sum(x), [w], SGD(learning_rate=1.0), gradients={w: sum(x)})
    variables = step.arrays({w: np.asarray(1.0)})
    run(step, variables, {x: np.ones(6)})
    assert variables[0] == -5.0


def test_a_scalar_of_the_cost_may_be_scheduled() -> None:
    x, w, lam = input("x", ("m",)), parameter("w"), input("lam")
    step = training_step(lam * w + 0.0 * sum(x), [w], SGD(learning_rate=1.0), scheduled={lam: lambda t: t + 1})
    assert step.fixed == ()
    assert step.schedule(2, 2).tolist() == [[1.0, 3.0], [1.0, 4.0]]
    variables = step.arrays({w: np.asarray(0.0)})
    run(step, variables, {x: np.ones(6)}, steps=3)
    assert variables[0] == -6.0


@pytest.mark.parametrize(
    "changes",
    [
        {"gradients": {"W1": "W2"}},
        {"gradients": {"X": "X"}},
        {"scheduled": {"W1": lambda t: t}},
        {"scheduled": {"lam": 3.0}},
    ],
    ids=["the gradient of another", "of what is not learned", "a parameter by schedule", "a number for a schedule"],
)
def test_edits_and_schedules_that_do_not_fit_are_refused(changes: Any) -> None:
    X, _, W1, W2, J = example()
    named = {"X": X, "W1": W1, "W2": W2, "lam": input("lam")}
    given = {
        k: {named[a]: named.get(b, b) if isinstance(b, str) else b for a, b in v.items()} for k, v in changes.items()
    }
    with pytest.raises(UsageError, match="BG601"):
        training_step(J, [W1, W2], SGD(), **given)
