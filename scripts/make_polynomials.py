"""Writes src/backgraph/compiler/coefficients.py: polynomials and constants of the elementary functions.

Needs mpmath (`pip install mpmath` in an environment of its own); prints the greatest error of each polynomial. The
polynomials interpolate at Chebyshev nodes, which is within a few per cent of the best possible on such short intervals.
Source: Trefethen, Approximation Theory and Approximation Practice, chapters 2 and 8.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mpmath import cos, factorial, floor, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 80
OUTPUT = Path(__file__).parents[1] / "src" / "backgraph" / "compile" / "coefficients.py"
PARTS = {"LN2": log(2), "HALF_PI": pi / 2, "LOG2_E": 1 / log(2), "TWO_OVER_PI": 2 / pi, "THIRD": mpf(1) / 3}
EXP = 0.3475
"""Half of log 2, and a little more for the rounding of the reduction."""
LOG = float((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * 1.001
"""Square of the greatest f / (2 + f) for 1 + f between sqrt(1/2) and sqrt(2)."""
ANGLE = 0.80**2
"""Square of a quarter of pi, and a little more."""


def _atanh_tail(z: mpf, skip: int) -> mpf:
    """atanh(s) / s without its first `skip` terms 1 + z/3 + …, divided by z**skip, for z = s * s."""
    return sum(z**n / (2 * (n + skip) + 1) for n in range(60))


def _exp_tail(r: mpf) -> mpf:
    return sum(r**n / factorial(n + 2) for n in range(40))


def _sin_tail(z: mpf) -> mpf:
    return -sum((-z) ** n / factorial(2 * n + 3) for n in range(40))


def _cos_tail(z: mpf) -> mpf:
    return sum((-z) ** n / factorial(2 * n + 4) for n in range(40))


Curve = Callable[[mpf], mpf]
POLYNOMIALS: dict[str, tuple[str, Curve, float, float, int, int]] = {
    "EXP": ("exp(r) = 1 + r + r**2 * EXP(r)", _exp_tail, -EXP, EXP, 6, 10),
    "LOG": ("log(1 + f) = 2 s + s z LOG(z), s = f / (2 + f), z = s**2", lambda z: 2 * _atanh_tail(z, 1), 0, LOG, 4, 7),
    "POWER": ("atanh(s) / s = 1 + z/3 + z**2 * POWER(z), z = s**2", lambda z: _atanh_tail(z, 2), 0, LOG, 0, 7),
    "SIN": ("sin(r) = r + r z SIN(z), z = r**2", _sin_tail, 0, ANGLE, 3, 5),
    "COS": ("cos(r) = 1 - z/2 + z**2 * COS(z), z = r**2", _cos_tail, 0, ANGLE, 3, 5),
}
"""What is approximated, on which interval, by which degree for results in float32 and in float64."""


def interpolated(curve: Curve, low: float, high: float, degree: int) -> tuple[list[float], float]:
    """Coefficients of the interpolant at Chebyshev nodes, lowest first, rounded to float64; and its greatest error."""
    middle, half = (mpf(low) + mpf(high)) / 2, (mpf(high) - mpf(low)) / 2
    nodes = [middle + half * cos(pi * (2 * i + 1) / (2 * degree + 2)) for i in range(degree + 1)]
    powers = matrix([[node**j for j in range(degree + 1)] for node in nodes])
    rounded = [float(c) for c in lu_solve(powers, matrix([curve(node) for node in nodes]))]
    points = [middle + half * mpf(2 * i - 200) / 200.5 for i in range(201)]
    error = max(abs(sum(mpf(c) * x**j for j, c in enumerate(rounded)) - curve(x)) for x in points)
    return rounded, float(error)


def in_parts(value: mpf, count: int) -> list[float]:
    """`value` as a sum of float64 numbers, each the rest rounded."""
    parts: list[float] = []
    for _ in range(count):
        parts.append(float(value))
        value -= parts[-1]
    return parts


def words_of_two_over_pi(count: int) -> list[int]:
    """64 zero bits, then the binary digits of 2/pi after the point, as 64-bit words."""
    mp.prec = 64 * count + 100
    digits = int(floor(2 / pi * mpf(2) ** (64 * (count - 1))))
    return [digits >> (64 * (count - 1 - i)) & (1 << 64) - 1 for i in range(count)]


def number(value: float) -> str:
    """A float as Python text that keeps every bit."""
    return f'float.fromhex("{value.hex()}")'


def table(name: str, explanation: str, rows: list[str]) -> str:
    """`NAME = (…)` with a docstring."""
    return f"{name} = (\n" + "".join(f"    {row},\n" for row in rows) + f')\n"""{explanation}."""\n'


HEADER = '''"""Coefficients of the elementary functions, lowest power first. Written by scripts/make_polynomials.py."""

from __future__ import annotations
'''


def text() -> str:
    """The whole file."""
    blocks = [HEADER]
    for name, (meaning, curve, low, high, single, double) in POLYNOMIALS.items():
        for dtype, degree in (("FLOAT32", single), ("FLOAT64", double)):
            if degree:
                coefficients, error = interpolated(curve, low, high, degree)
                print(f"{name}_{dtype}: degree {degree}, error {error:.1e}")
                blocks.append(
                    table(f"{name}_{dtype}", f"{meaning}; within {error:.0e}", [number(c) for c in coefficients])
                )
    for name, value in PARTS.items():
        blocks.append(
            table(
                name,
                "Its sum is exact to 160 bits, each part the rest rounded",
                [number(p) for p in in_parts(value, 3)],
            )
        )
    words = [f"0x{word:016X}" for word in words_of_two_over_pi(20)]
    blocks.append(table("DIGITS_OF_TWO_OVER_PI", "64 zero bits, then 1,216 binary digits of 2/pi", words))
    return "\n".join(blocks)


if __name__ == "__main__":
    OUTPUT.write_text(text())
