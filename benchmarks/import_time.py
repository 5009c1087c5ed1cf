"""Seconds and memory of `import backgraph` in a new process, numpy included: `python -m benchmarks.import_time`."""

from __future__ import annotations

import statistics
import subprocess
import sys

PROGRAM = """
import time, resource
start = time.perf_counter(); import numpy; middle = time.perf_counter(); import backgraph; end = time.perf_counter()
print(middle - start, end - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
TURNS = 9


def main() -> None:
    lines = [
        subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True).stdout
        for _ in range(TURNS)
    ]
    columns = zip(*(map(float, line.split()) for line in lines), strict=True)
    numpy, whole, memory = (statistics.median(column) for column in columns)
    print(f"import backgraph: {whole:.3f} s, of which numpy {numpy:.3f} s; {memory:.0f} MB (median of {TURNS})")


if __name__ == "__main__":
    main()
