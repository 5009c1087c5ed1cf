"""Jacobians of the annotated network (columns) and of rows; their product along every path is back-propagation."""

from __future__ import annotations

import numpy as np
import pytest

import backgraph as bg
from backgraph.calculus.jacobian import edge_jacobian, jacobian_values, paths, product_along
from backgraph.errors import CalculusError
from backgraph.language.node import Node
from backgraph.language.op import Array


class Annotated:
    """z1 = W1 x + b1, a1 = σ(z1), z2 = W2 a1 + b2, y = σ(z2) or softmax(z2), C = L(y, ŷ); ŷ is the truth."""

    def __init__(self, output: str) -> None:
        self.x, self.truth = bg.input("x", (2,)), bg.input("ŷ", (4,))
        self.W1, self.b1 = bg.parameter("W1", (3, 2)), bg.parameter("b1", (3,))
        self.W2, self.b2 = bg.parameter("W2", (4, 3)), bg.parameter("b2", (4,))
        self.z1 = self.W1 @ self.x + self.b1
        self.a1 = bg.sigmoid(self.z1)
        self.product2 = self.W2 @ self.a1
        self.z2 = self.product2 + self.b2
        self.y = bg.softmax(self.z2) if output == "softmax" else bg.sigmoid(self.z2)
        self.C = -bg.sum(self.truth * bg.log(self.y))

    def values(self) -> dict[Node, Array]:
        random = np.random.default_rng(5)
        leaves = (self.x, self.truth, self.W1, self.b1, self.W2, self.b2)
        values = {leaf: random.normal(size=leaf.shape) for leaf in leaves}
        values[self.truth] = np.eye(4)[2]
        return values


both = pytest.mark.parametrize("output", ["sigmoid", "softmax"])


@both
def test_the_output_function(output: str) -> None:
    net = Annotated(output)
    J = edge_jacobian(net.y, 0, net.values())
    y = bg.evaluate(net.y, {k: v for k, v in net.values().items() if k is not net.truth})
    expected = np.diag(y) - np.outer(y, y) if output == "softmax" else np.diag(y * (1 - y))
    np.testing.assert_allclose(J, expected, rtol=1e-13, atol=1e-16)
    assert (np.count_nonzero(J) == 4) == (output == "sigmoid")


def test_the_edges_of_a_product() -> None:
    """∂z2/∂a1 = W2; ∂z2/∂W2 is a tensor: ∂z_i/∂W_jk = a_k if i = j, else 0."""
    net = Annotated("softmax")
    values = net.values()
    np.testing.assert_array_equal(edge_jacobian(net.product2, 1, values), values[net.W2])
    a1 = bg.evaluate(net.a1, values)
    tensor = edge_jacobian(net.product2, 0, values)
    np.testing.assert_array_equal(tensor, np.einsum("ij,k->ijk", np.eye(4), a1))


@both
@pytest.mark.parametrize("target", ["W1", "b1", "W2", "b2", "x", "a1"])
def test_the_product_along_every_path_is_backpropagation(output: str, target: str) -> None:
    net = Annotated(output)
    values, leaf = net.values(), getattr(net, target)
    products = [product_along(path, values) for path in paths(net.C, leaf)]
    expected = bg.evaluate(bg.gradient(net.C, leaf)[0], values)
    np.testing.assert_allclose(np.sum(products, axis=0), expected, rtol=1e-12, atol=1e-15)


def test_several_paths_are_summed() -> None:
    x = bg.input("x", (3,))
    h = bg.sin(x)
    C = bg.sum(h * h + bg.exp(h) * x)
    values = {x: np.linspace(0.1, 0.9, 3)}
    found = list(paths(C, x))
    assert len(found) == 4
    total = np.sum([product_along(path, values) for path in found], axis=0)
    np.testing.assert_allclose(total, bg.evaluate(bg.gradient(C, x)[0], values), rtol=1e-14)


def test_the_bridge_to_rows() -> None:
    """δ aᵀ of one column becomes Hᵀ G of the minibatch; ∂U/∂W has four axes."""
    H, W = bg.input("H", ("m", 3)), bg.parameter("W", (3, 2))
    values = {H: np.random.default_rng(0).normal(size=(5, 3)), W: np.random.default_rng(1).normal(size=(3, 2))}
    G = np.random.default_rng(2).normal(size=(5, 2))
    J = jacobian_values(H @ W, W, values)
    assert J.shape == (5, 2, 3, 2)
    np.testing.assert_allclose(np.tensordot(G, J, 2), values[H].T @ G, rtol=1e-13)


def test_as_a_graph_it_can_be_differentiated_again() -> None:
    x = bg.input("x", (3,))
    J = bg.jacobian(bg.softmax(x), x)
    values = {x: np.array([0.1, 0.5, -0.3])}
    np.testing.assert_allclose(bg.evaluate(J, values), jacobian_values(bg.softmax(x), x, values), rtol=1e-15)
    H = bg.jacobian(bg.gradient(bg.logsumexp(x), x)[0], x)
    np.testing.assert_allclose(bg.evaluate(H, values), bg.evaluate(J, values), rtol=1e-14)
    assert bg.check_gradient(bg.sum(bg.square(J)), x, values).passed


def test_independent_nodes_have_jacobian_zero() -> None:
    x, y = bg.input("x", (2,)), bg.input("y", (3,))
    np.testing.assert_array_equal(
        bg.evaluate(bg.jacobian(bg.sin(x), y), {x: np.ones(2), y: np.ones(3)}), np.zeros((2, 3))
    )
    np.testing.assert_array_equal(jacobian_values(bg.sin(x), y, {"x": np.ones(2), "y": np.ones(3)}), np.zeros((2, 3)))


def test_symbolic_sizes_and_integers_are_refused() -> None:
    x = bg.input("x", ("m",))
    with pytest.raises(CalculusError, match=r"BG302.*jacobian_values"):
        bg.jacobian(bg.sin(x), x)
    with pytest.raises(CalculusError, match="BG301"):
        bg.jacobian(bg.input("z", (2,)), bg.labels("y", (2,)))


def test_hessian_vector_products() -> None:
    x, v = bg.input("x", (4,)), bg.input("v", (4,))
    A = np.random.default_rng(0).normal(size=(4, 4))
    quadratic = x @ (bg.constant(A) @ x)
    values = {x: np.ones(4), v: np.arange(4.0)}
    np.testing.assert_allclose(
        bg.evaluate(bg.hessian_vector_product(quadratic, x, v), values), (A + A.T) @ values[v], rtol=1e-13
    )
    np.testing.assert_array_equal(bg.evaluate(bg.hessian_vector_product(bg.sum(3 * x), x, v), values), np.zeros(4))


def test_the_hessian_of_several_targets_together() -> None:
    W, b, V, c = bg.parameter("W", (3, 2)), bg.parameter("b", (2,)), bg.input("V", (3, 2)), bg.input("c", (2,))
    X = np.random.default_rng(4).normal(size=(5, 3))
    cost = bg.sum(bg.tanh(bg.constant(X, "float64") @ W + b) ** 2)
    r = np.random.default_rng(5)
    values = {W: r.normal(size=(3, 2)), b: r.normal(size=2), V: r.normal(size=(3, 2)), c: r.normal(size=2)}
    found = bg.evaluate(bg.hessian_vector_product(cost, [W, b], [V, c]), values)
    gradients, step = bg.gradient(cost, [W, b]).nodes, 1e-6
    ups, downs = (
        bg.evaluate(gradients, {W: values[W] + s * values[V], b: values[b] + s * values[c]}) for s in (step, -step)
    )
    for product, up, down in zip(found, ups, downs, strict=True):
        np.testing.assert_allclose(product, (up - down) / (2 * step), rtol=1e-6)
    for wrong in ([V], [c, V], [V, c, c]):
        with pytest.raises(CalculusError, match="BG302"):
            bg.hessian_vector_product(cost, [W, b], wrong)
    assert bg.hessian_vector_product(cost, [], []) == []
