"""Back-propagation is linear in edges: `python -m benchmarks.linear FILE.svg [--largest 1000000]` writes the plot.

Chains of `z = z * c + c`, each twice as long as the last; seconds to differentiate against the number of edges.
"""

from __future__ import annotations

import argparse
import gc
import time
from pathlib import Path

import backgraph as bg

WIDTH, HEIGHT, MARGIN = 560, 360, 60


def seconds(steps: int) -> tuple[int, float]:
    """Edges of a chain, and the seconds that its gradient takes."""
    x = bg.parameter("x")
    factor, term = bg.input("a"), bg.input("b")
    z = x
    for _ in range(steps):
        z = z * factor + term
    gc.collect()
    start = time.perf_counter()
    bg.gradient(z, x)
    return 4 * steps, time.perf_counter() - start


def svg(points: list[tuple[int, float]]) -> str:
    """The points, and the line through the origin and the last one."""
    most_edges, most_seconds = points[-1]
    right, bottom = WIDTH - MARGIN, HEIGHT - MARGIN

    def at(edges: float, time_taken: float) -> tuple[float, float]:
        x = MARGIN + (right - MARGIN) * edges / most_edges
        return round(x, 1), round(bottom - (bottom - MARGIN) * time_taken / most_seconds, 1)

    end = at(most_edges, most_seconds)
    dots = "".join('<circle cx="{}" cy="{}" r="4" fill="#0072B2"/>'.format(*at(*point)) for point in points)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13">'
        f'<path d="M{MARGIN} {MARGIN}V{bottom}H{right}" fill="none" stroke="#444"/>'
        f'<path d="M{MARGIN} {bottom}L{end[0]} {end[1]}" stroke="#999" stroke-dasharray="4 4"/>{dots}'
        f'<text x="{right}" y="{bottom + 20}" text-anchor="end">{most_edges:,} edges</text>'
        f'<text x="{MARGIN}" y="{MARGIN - 10}">{most_seconds:.2f} s to differentiate</text></svg>\n'
    )


def main() -> None:
    """Print the table and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--largest", type=int, default=1_000_000, help="edges of the longest chain")
    options = parser.parse_args()
    points = [seconds(options.largest // 4 // 2**n) for n in range(6, -1, -1)]
    print("| edges | seconds | µs an edge |\n|---|---|---|")
    for edges, taken in points:
        print(f"| {edges:,} | {taken:.3f} | {taken / edges * 1e6:.2f} |")
    options.file.write_text(svg(points), "utf-8")


if __name__ == "__main__":
    main()
