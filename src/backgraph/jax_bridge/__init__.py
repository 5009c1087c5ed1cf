"""The bridge to JAX: costs written in JAX become graphs (`from_jax`), graphs become JAX functions (`to_jax`).

Needs the extra `backgraph[jax]`; JAX is imported when a function of this package is called, never before.
"""

from backgraph.jax_bridge.jaxpr import Traced, from_jax
from backgraph.jax_bridge.meaning import OF_OPERANDS, to_jax

__all__ = ["OF_OPERANDS", "Traced", "from_jax", "to_jax"]
