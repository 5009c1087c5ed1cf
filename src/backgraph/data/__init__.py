"""Tables: read from files and data frames, prepared for training, split."""

from __future__ import annotations

from backgraph.data.datasets import digits
from backgraph.data.frames import table_from
from backgraph.data.labels import Classes, Targets
from backgraph.data.prepare import Choices, Preparation
from backgraph.data.read import read_table
from backgraph.data.split import split
from backgraph.data.table import Table
from backgraph.data.transforms import Date, Embedding, LeftOut, OneHot, Robust, Transform

__all__ = [
    "Table",
    "read_table",
    "table_from",
    "digits",
    "split",
    "Preparation",
    "Choices",
    "Transform",
    "Robust",
    "OneHot",
    "Embedding",
    "Date",
    "LeftOut",
    "Classes",
    "Targets",
]
