"""What all tests share: how hard Hypothesis searches, and comparison with golden files."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

GOLDEN = Path(__file__).parent / "golden"

# Only the nightly search draws new examples: a change is never rejected for an error that was there before it.
settings.register_profile("fast", derandomize=True, max_examples=60, deadline=None)
settings.register_profile("full", derandomize=True, max_examples=500, deadline=None)
settings.register_profile("nightly", max_examples=10_000, deadline=None, print_blob=True)
PROFILE = os.environ.get("BACKGRAPH_PROFILE", "fast")
settings.load_profile(PROFILE)
# Hypothesis also draws the numbers and words that stand in whatever modules happen to be loaded: then what one test
# tries depends on which tests ran before it.
if PROFILE != "nightly":
    assert hasattr(providers, "_get_local_constants")
    providers._get_local_constants = lambda: providers._local_constants  # pyright: ignore[reportPrivateUsage]


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Compiled code is kept for this run of the tests alone, and for the processes that they start.

    Started in the background, a process ignores SIGINT, and so would those that the tests start and interrupt.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "BACKGRAPH_CACHE" not in os.environ:
        folder = tempfile.mkdtemp(prefix="backgraph-tests-")
        os.environ["BACKGRAPH_CACHE"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/* instead of comparing with it")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: then no worker is left with one of them at the end."""
    items.sort(key=lambda item: not (item.get_closest_marker("slow") or is_search(item)))


def is_search(item: pytest.Item) -> bool:
    """Whether Hypothesis draws its examples."""
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def pytest_collection_finish() -> None:
    """What is in memory now stays there: the collector of cycles need not look through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """What is left is to be collected as usual."""
    gc.unfreeze()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)` asserts that `text` is what tests/golden/NAME holds."""
    update = bool(request.config.getoption("--update-golden"))

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert path.exists(), f"tests/golden/{name} is missing; write it with --update-golden"
        assert text == path.read_bytes().decode(), f"differs from tests/golden/{name}; see --update-golden"

    return compare
