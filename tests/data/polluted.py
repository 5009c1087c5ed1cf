"""Text files, polluted and clean, with the answer to each; how tests compare."""

from __future__ import annotations

import gzip
import math
from datetime import datetime
from pathlib import Path

import pytest

from backgraph.data import Table, read_table
from backgraph.errors import BackgraphError

TALL = b"a,b\n" + b"1,2\n" * 9_000

# A name says what is wrong; then the bytes, the code, the end of the place and a part of the message.
BAD_TEXT: dict[str, tuple[bytes, str, str, str]] = {
    "empty file": (b"", "BG201", ".csv", "is empty"),
    "blank lines only": (b"\n\n\n", "BG201", ".csv", "is blank"),
    "byte-order mark only": (b"\xef\xbb\xbf", "BG201", ".csv", "is blank"),
    "header only": (b"a,b\n", "BG201", ".csv", "no rows"),
    "header only, unfinished": (b"a,b", "BG201", ".csv", "no rows"),
    "short row": (b"a,b\n1,2\n3\n", "BG203", ".csv:3", "too short; got 1 cells, expected 2"),
    "long row": (b"a,b\n1,2\n3,4,5\n", "BG203", ".csv:3", "too long; got 3 cells, expected 2"),
    "trailing separator": (b"a,b\n1,2,\n", "BG203", ".csv:2", "too long"),
    "trailing separator among missing": (b"a,b\n1,\n,2\n1,2,\n", "BG203", ".csv:4", "too long"),
    "trailing separator in quotes": (b'a,b\n"1",2\n,2\n1,2,""\n', "BG203", ".csv:4", "too long"),
    "a cell too many, missing": (b"a,b\n1,2\nNA,NA\n1,2,NA\n", "BG203", ".csv:4", "too long"),
    "short row after a quoted newline": (b'a,b\n"x\ny",2\n3\n', "BG203", ".csv:4", "too short"),
    "short last row, unfinished": (b"a,b\n1,2\n3", "BG203", ".csv:3", "too short"),
    "long row, far down": (TALL + b"1,2,3\n", "BG203", ".csv:9002", "too long"),
    "unclosed quote": (b'a,b\n1,2\n"x,2\n3,3\n4,4\n', "BG203", ".csv:3", "never closed"),
    "unclosed quote in the last row": (b'a,b\n1,2\n3,"x\n', "BG203", ".csv:3", "never closed"),
    "unclosed quote in the header": (b'a,"b\n1,2\n', "BG203", ".csv:1", "never closed"),
    "unclosed quote met by another": (b'a,b\n"x,2\n3,"y"\n', "BG203", ".csv:2", "closing quote"),
    "text after a quote": (b'a,b\n"5"x,2\n', "BG203", ".csv:2", "closing quote"),
    "mixed line ends": (b"a,b\r\n1,2\n3,4\r\n", "BG203", ".csv:2", "dos2unix"),
    "text among numbers": (TALL + b"1,x\n", "BG203", ".csv:9002:2", "got x, expected a finite number"),
    "four of them": (b"a\n" + b"1\n" * 9 + b"x\n" * 4, "BG203", ".csv:11:1", "also line 12, 13; 4 in all"),
    "text after a quoted newline": (b'a,b\n"x\ny",2\nz,3\nw,v\n', "BG203", ".csv:5:2", "got v"),
    "1e999": (b"a,b\n1,1e999\n1,2\n", "BG203", ".csv:2:2", "got 1e999"),
    "infinity": (b"a\n1\ninf\n", "BG203", ".csv:3:1", "got inf"),
    "-infinity": (b"a\n1\n2\n-Infinity\n", "BG203", ".csv:4:1", "got -Infinity"),
    "thousands": (b'a\n1\n2\n3\n"1,000"\n', "BG203", ".csv:5:1", "write 1000, without commas"),
    "thousands or decimals": (b'a\n1\n2\n3\n"1,000"\n', "BG203", ".csv:5:1", "--decimal , --separator ,"),
    "thousands, millions and a point": (b'a\n"1,000,000.5"\n2\n3\n', "BG203", ".csv:2:1", "write 1000000.5"),
    "underscores": (b"a\n1\n1_000\n", "BG203", ".csv:3:1", "got 1_000"),
    "hexadecimal": (b"a\n1\n0x1F\n", "BG203", ".csv:3:1", "got 0x1F"),
    "a number and a quoted line end": (b'a\n1\n"7\n"\n', "BG203", ".csv:3:1", "finite number"),
    "a number and a vertical tab": (b"a\n1\n7\x0b\n", "BG203", ".csv:3:1", "finite number"),
    "a number and a carriage return": (b'a,b\n1,2\n"7\r",2\n', "BG203", ".csv:3:1", "finite number"),
    "infinity far down": (TALL + b"inf,2\n", "BG203", ".csv:9002:1", "got inf"),
    "-nan": (b"a\n1\n2\n-nan\n", "BG203", ".csv:4:1", "got -nan"),
    "underscores far down": (TALL + b"1_0,2\n", "BG203", ".csv:9002:1", "got 1_0"),
    "text among dates": (b"a\n2020-01-01\nNA\n2020-01-02\nsoon\n", "BG203", ".csv:5:1", "holds dates"),
    "30 February": (b"a\n2020-01-01\n2020-01-02\n2020-02-30\n", "BG203", ".csv:4:1", "got 2020-02-30"),
    "the year 0": (b"a\n2020-01-01\n2020-01-02\n0000-01-01\n", "BG203", ".csv:4:1", "got 0000-01-01"),
    "dates among numbers": (b"a\n1\n2\n2020-01-01\n", "BG203", ".csv:4:1", "got 2020-01-01"),
    "full-width digits": ("a\n1\n\uff12\n".encode(), "BG203", ".csv:3:1", "finite number"),
    "two signs": (b"a\n1\n--1\n", "BG203", ".csv:3:1", "got --1"),
    "a formula": (b"a\n1\n=1+1\n", "BG203", ".csv:3:1", "got =1+1"),
    "decimal commas, quoted": (b'a\n"3,14"\n"2,72"\n', "BG203", ".csv:2:1", "--decimal ,"),
    "decimal commas, unquoted": (b"a,b\n3,14,2\n", "BG203", ".csv:2", "--decimal ,"),
    "semicolons": (b"a;b\n1;2\n", "BG209", ".csv:1", "--separator ';'"),
    "semicolons and decimal commas": (b"a;b\n1,5;2,5\n", "BG209", ".csv:1", "--separator ';'"),
    "tabs": (b"a\tb\n1\t2\n", "BG209", ".csv:1", "--separator '\\t'"),
    "bars": (b"a|b|c\n1|2|3\n", "BG209", ".csv:1", "--separator '|'"),
    "duplicate columns": (b"a,b,a\n1,2,3\n", "BG205", ".csv:1:3", "got a"),
    "duplicate but for blanks": (b"a, a\n1,2\n", "BG205", ".csv:1:2", "got a"),
    "nameless column": (b",a\n1,2\n", "BG209", ".csv:1:1", "no name"),
    "no header": (b"5.1,3.5\n4.9,3.0\n", "BG209", ".csv:1", "numbers, not names"),
    "NUL": (b"a,b\n1,2\n1,\x002\n", "BG204", ".csv:3", "NUL"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "BG204", ".csv", "iconv -f utf-16"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "BG204", ".csv:1", "NUL"),
    "UTF-32": ("a,b\n1,2\n".encode("utf-32"), "BG204", ".csv", "UTF-32"),
    "Latin-1": ("a,b\n1,é2\n".encode("latin-1"), "BG204", ".csv:2", "byte 0xe9"),
    "half a character": (b"a,b\n1,\xc3", "BG204", ".csv:2", "within a character"),
    "surrogate": (b"a,b\n1,\xed\xa0\x80\n", "BG204", ".csv:2", "byte 0xed"),
    "gzip under the wrong name": (gzip.compress(b"a,b\n1,2\n"), "BG204", ".csv", "name it .csv.gz"),
    "spreadsheet": (b"PK\x03\x04rest", "BG204", ".csv", "zip"),
    "pickle": (b"\x80\x04\x95rest", "BG204", ".csv", "pickle"),
    "HDF5": (b"\x89HDF\r\n\x1a\nrest", "BG204", ".csv", "HDF5"),
    "Parquet under the wrong name": (b"PAR1rest", "BG204", ".csv", "name it .parquet"),
    "a line of 33 MiB": (b"a,b\n1," + b"x" * (33 << 20) + b"\n", "BG208", ".csv:2", "longer than 32 MiB"),
    "a header of 33 MiB": (b"a" * (33 << 20), "BG208", ".csv:1", "longer than 32 MiB"),
    "10^6 columns": (b",".join(b"%d" % n for n in range(10**6)) + b"\n1\n", "BG208", ".csv:1", "too many columns"),
    "wide, short row": (b",".join(b"%d" % n for n in range(5_000)) + b"\n1\n", "BG203", ".csv:2", "too short"),
    "wide, text": (
        b",".join(b"%d" % n for n in range(5_000)) + b"\n" + b"1," * 4_999 + b"1\n1,x," + b"1," * 4_997 + b"1\n",
        "BG203",
        ".csv:3:2",
        "got x",
    ),
}


PACKED = gzip.compress(TALL)
FLIPPED = PACKED[:40] + bytes([PACKED[40] ^ 0x10]) + PACKED[41:]
BAD_GZIP = {
    "truncated": (PACKED[:-20], "BG204"),
    "truncated in its header": (PACKED[:6], "BG204"),
    "flipped": (FLIPPED, "BG204"),
    "wrong checksum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "BG204"),
    "not gzip": (TALL, "BG204"),
    "followed by other bytes": (PACKED + b"abc", "BG204"),
    "nothing inside": (gzip.compress(b""), "BG201"),
    "NUL inside": (gzip.compress(b"a\n\0\n"), "BG204"),
}


GOOD: dict[str, tuple[bytes, dict[str, list[object]]]] = {
    "plain": (b"a,b\n1,x\n2.5,y\n", {"a": [1, 2.5], "b": ["x", "y"]}),
    "byte-order mark": (b"\xef\xbb\xbfa,b\n1,2\n", {"a": [1], "b": [2]}),
    "no newline at the end": (b"a,b\n1,2", {"a": [1], "b": [2]}),
    "CRLF": (b"a,b\r\n1,2\r\n3,4\r\n", {"a": [1, 3], "b": [2, 4]}),
    "CR": (b"a,b\r1,2\r3,4\r", {"a": [1, 3], "b": [2, 4]}),
    "quoted newline": (b'a,b\n"x\ny",2\nz,3\n', {"a": ["x\ny", "z"], "b": [2, 3]}),
    "quoted newline in a name": (b'"a\nz",b\n1,2\n', {"a\nz": [1], "b": [2]}),
    "doubled quote": (b'a,b\n"5""x",2\n', {"a": ['5"x'], "b": [2]}),
    "a quote within a cell": (b'a,b\n5" pipe,2\n', {"a": ['5" pipe'], "b": [2]}),
    "quoted separator": (b'a,b\n"x,y",2\n', {"a": ["x,y"], "b": [2]}),
    "blank lines between": (b"a,b\n\n1,2\n\n3,4\n\n", {"a": [1, 3], "b": [2, 4]}),
    "missing": (b"a,b\n,\nNA,x\n1,\n", {"a": [None, None, 1], "b": ["", "x", ""]}),
    "all missing": (b"a,b\n,1\nNaN,2\n", {"a": [None, None], "b": [1, 2]}),
    "text keeps its spelling": (b"a\nNA\nx\n y \n", {"a": ["NA", "x", " y "]}),
    "missing in every spelling": (
        b"a,b\n1,x\nNA,NA\nnan,nan\nNull,?\nnOnE,y\n N/A ,y\n,z\n",
        {"a": [1, None, None, None, None, None, None], "b": ["x", "NA", "nan", "?", "y", "y", "z"]},
    ),
    "one column with blank lines": (b"a\n\n1\n?\n\n2\n", {"a": [1, None, 2]}),
    "missing from row 300": (
        b"a,b\n" + b"1,x\n" * 300 + b"NA,NA\n",
        {"a": [1] * 300 + [None], "b": ["x"] * 300 + ["NA"]},
    ),
    "text after 300 missing": (b"a,b\n" + b",1\n" * 300 + b"x,1\n", {"a": [""] * 300 + ["x"], "b": [1] * 301}),
    "dates": (
        b"a,b\n2020-01-01,1\n2020-01-02T03:04:05.5,2\n?,3\n2020-01-01 02:00+02:00,4\n",
        {"a": ["2020-01-01T00:00:00", "2020-01-02T03:04:05.500000", None, "2020-01-01T00:00:00"], "b": [1, 2, 3, 4]},
    ),
    "dates in two ways are text": (b"a\n03/04/2020\n05/04/2020\n", {"a": ["03/04/2020", "05/04/2020"]}),
    "most are text": (b"a\n1\nx\ny\n", {"a": ["1", "x", "y"]}),
    "spellings of numbers": (b"a\n+5\n.5\n1.\n-1e3\n 7 \n1e-400\n", {"a": [5, 0.5, 1, -1000, 7, 0]}),
    "numbered columns": (b"0,1\n5,6\n", {"0": [5], "1": [6]}),
    "names that are SQL": (
        b'"a""; drop table cells; --",cells\n1,2\n',
        {'a"; drop table cells; --': [1], "cells": [2]},
    ),
    "Unicode": ("größe,名\n1,é\n".encode(), {"größe": [1], "名": ["é"]}),
}


def refusal(path: Path, **options: str) -> BackgraphError:
    with pytest.raises(BackgraphError) as caught:
        read_table(path, **options)
    return caught.value


def check(error: BackgraphError, code: str, where: str, part: str) -> None:
    assert (error.code, part in str(error)) == (code, True), str(error)
    assert error.where.endswith(where), error.where
    assert "\n" not in str(error)


def assert_table(table: Table, expected: dict[str, list[object]]) -> None:
    assert table.names == tuple(expected)
    for name, values in expected.items():
        found = [plain(value) for value in table.target(name).tolist()]
        # True is 1, but a column of truth values is not one of numbers.
        assert (found, list(map(type, found))) == (values, [float if type(v) is int else type(v) for v in values])


def plain(value: object) -> object:
    """A cell as tests write it: dates in ISO 8601, None for what is missing."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and math.isnan(value) else value
