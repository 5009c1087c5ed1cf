"""backgraph: write a cost; back-propagation builds its gradient as another graph.

The gradient can be read as maths, drawn, checked, and compiled together with the forward pass and the update.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from backgraph.calculus.backprop import gradient
from backgraph.calculus.forward_mode import jvp
from backgraph.errors import BackgraphError
from backgraph.evaluate import evaluate
from backgraph.language.dims import symbol
from backgraph.language.node import Node
from backgraph.language.op import CARDS, Elementwise, Operation
from backgraph.language.ops.einsum import einsum
from backgraph.language.ops.elementwise import (
    absolute,
    clip,
    cos,
    elu,
    equal,
    exp,
    expm1,
    gelu,
    leaky_relu,
    log,
    log1p,
    maximum,
    minimum,
    not_equal,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    softplus,
    sqrt,
    square,
    stop_gradient,
    tanh,
    where,
)
from backgraph.language.ops.leaf import constant, eye, input, labels, parameter, size
from backgraph.language.ops.linear import dot, matmul, outer
from backgraph.language.ops.loss import (
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    huber_loss,
    nll,
    one_hot,
    poisson_loss,
    quantile_loss,
    squared_error,
)
from backgraph.language.ops.random import dropout
from backgraph.language.ops.reduce import (
    argmax,
    cumsum,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    prod,
    softmax,
    sum,
)
from backgraph.language.ops.shape import broadcast, cast, concatenate, reshape, take, transpose
from backgraph.version import __version__ as __version__

if TYPE_CHECKING:  # what needs more than numpy, or time to load, is loaded where it is first used
    from backgraph.calculus.gradcheck import check_gradient
    from backgraph.calculus.jacobian import hessian_vector_product, jacobian, jacobian_values
    from backgraph.compiler.function import compile
    from backgraph.jax_bridge import from_jax, to_jax
    from backgraph.language.parse import Program, parse
    from backgraph.models.mlp import MLP
    from backgraph.rules import simplify
    from backgraph.show.check import Checked, check
    from backgraph.show.cost import accounts
    from backgraph.show.draw import Drawing, draw, draw_text
    from backgraph.show.explain import Explanation, explain, explain_text
    from backgraph.show.jacobians import Jacobians, jacobians, jacobians_text
    from backgraph.train.loop import fit
    from backgraph.train.step import training_step
else:
    _MODULES = {
        "backgraph.calculus.gradcheck": "check_gradient",
        "backgraph.calculus.jacobian": "hessian_vector_product jacobian jacobian_values",
        "backgraph.compiler.function": "compile",
        "backgraph.jax_bridge": "from_jax to_jax",
        "backgraph.language.parse": "Program parse",
        "backgraph.models.mlp": "MLP",
        "backgraph.rules": "simplify",
        "backgraph.show.check": "Checked check",
        "backgraph.show.cost": "accounts",
        "backgraph.show.draw": "Drawing draw draw_text",
        "backgraph.show.explain": "Explanation explain explain_text",
        "backgraph.show.jacobians": "Jacobians jacobians jacobians_text",
        "backgraph.train.loop": "fit",
        "backgraph.train.step": "training_step",
    }
    _LATER = {name: module for module, names in _MODULES.items() for name in names.split()}

    def __getattr__(name: str) -> Any:
        """A public name whose module is loaded where it is first used."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)

    def __dir__() -> list[str]:
        """Public names, those not yet loaded included."""
        return sorted({*globals(), *_LATER})


__all__ = [
    "CARDS",
    "Drawing",
    "MLP",
    "BackgraphError",
    "Checked",
    "Elementwise",
    "Explanation",
    "Jacobians",
    "Node",
    "Operation",
    "Program",
    "absolute",
    "absolute_error",
    "accounts",
    "argmax",
    "binary_cross_entropy",
    "broadcast",
    "cast",
    "check",
    "check_gradient",
    "clip",
    "compile",
    "concatenate",
    "constant",
    "cos",
    "cross_entropy",
    "cumsum",
    "dot",
    "draw",
    "draw_text",
    "dropout",
    "einsum",
    "elu",
    "equal",
    "evaluate",
    "exp",
    "explain",
    "explain_text",
    "expm1",
    "eye",
    "fit",
    "from_jax",
    "gelu",
    "gradient",
    "hessian_vector_product",
    "huber_loss",
    "input",
    "jacobian",
    "jacobian_values",
    "jacobians",
    "jacobians_text",
    "jvp",
    "labels",
    "leaky_relu",
    "log",
    "log1p",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "nll",
    "not_equal",
    "one_hot",
    "outer",
    "parameter",
    "parse",
    "poisson_loss",
    "prod",
    "quantile_loss",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "silu",
    "simplify",
    "sin",
    "size",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "squared_error",
    "stop_gradient",
    "sum",
    "symbol",
    "take",
    "tanh",
    "to_jax",
    "training_step",
    "transpose",
    "where",
]
