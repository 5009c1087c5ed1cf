"""All operations of the language: cards and the functions that apply them."""

from backgraph.language.op import BUILT_IN, CARDS
from backgraph.language.ops import elementwise, leaf, linear, loss, random, reduce, shape
from backgraph.language.ops.einsum import einsum

__all__ = ["einsum", "elementwise", "leaf", "linear", "loss", "random", "reduce", "shape"]

BUILT_IN.update(CARDS)
