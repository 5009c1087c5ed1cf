"""What JAX has compiled for one test is dropped before the next: kept together it takes gigabytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_caches_left() -> Iterator[None]:
    yield
    jax = sys.modules.get("jax")
    if jax is not None:
        jax.clear_caches()
