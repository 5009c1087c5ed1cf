"""Identifiers as mathematics prints them: W1 is W⁽¹⁾, lam is λ, x_1 is x₁, JMLE is J_MLE.

    stem        the name itself, a letter or a word
    layer       digits written directly behind a single letter: the number of a layer, a superscript in brackets;
                drawings write W{ℓ−1} for a layer given by a formula
    subscript   what stands behind an underscore
    primes      the primes of G' and G''

Superscripts are numbers of layers, never powers (section 6.5.7); words of several letters are kept as they are.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eps": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lam": "λ", "lambda": "λ", "lambda_": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω",
}  # fmt: skip
"""Names of letters; `lam` and `eps` are what Python users write for λ and ε."""

SPELLED = {letter: name for name, letter in reversed(GREEK.items()) if name not in ("lambda_", "lam", "eps")}
"""The ASCII spelling of a Greek letter."""

SUPERSCRIPTS = str.maketrans("0123456789+-−()nT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿᵀ")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

_PATTERN = re.compile(
    r"(?P<stem>.*?)(?P<layer>\d*|\{[^{}]*\})(?:_(?P<subscript>\w+|\{[^{}]*\}))?(?P<primes>'*)\Z", re.DOTALL
)


class NameParts(NamedTuple):
    """The parts of a display name."""

    stem: str
    layer: str
    subscript: str
    primes: str


@functools.lru_cache(4096)
def parts_of(identifier: str) -> NameParts:
    """The parts of an identifier; `W2` is ("W", "2", "", "")."""
    if identifier in GREEK:
        return NameParts(GREEK[identifier], "", "", "")
    if re.fullmatch("J[A-Z]{2,}", identifier):
        return NameParts("J", "", identifier[1:], "")
    found = _PATTERN.match(identifier)
    if found is None or not found["stem"] or "_" in found["stem"]:
        return NameParts(identifier, "", "", "")
    stem, primes = found["stem"], found["primes"]
    layer, subscript = found["layer"].strip("{}"), (found["subscript"] or "").strip("{}")
    stem = GREEK.get(stem, stem)
    if layer and len(stem) > 1:
        return NameParts(stem + layer, "", subscript, primes)
    return NameParts(stem, layer, subscript, primes)


def display_name(identifier: str) -> str:
    """`W1` as W⁽¹⁾, `lam` as λ, `J_MLE` as it is."""
    stem, layer, subscript, primes = parts_of(identifier)
    above = f"({layer})".translate(SUPERSCRIPTS) if layer else ""
    below = subscript.translate(SUBSCRIPTS) if subscript.isdigit() and subscript.isascii() else "_" + subscript
    return stem + above + (below if subscript else "") + primes


def ascii_name(identifier: str) -> str:
    """The identifier with Greek letters spelled out: λ is lambda; other letters outside ASCII become ?."""
    return "".join(SPELLED.get(letter, letter) for letter in identifier).encode("ascii", "replace").decode()


def is_letter(identifier: str) -> bool:
    """Whether it prints as one small letter, as λ or x: then 2λ is written without a space."""
    name = parts_of(identifier)
    return len(name.stem) == 1 and name.stem.islower() and not name.layer and not name.primes
