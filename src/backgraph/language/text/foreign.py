"""What people type who come from other programs or from paper, and how it is written here.

FUNCTIONS     names of functions, in small letters without underscores
CHARACTERS    signs that are not in the language
"""

from __future__ import annotations

from backgraph.errors import nearest

POWERS = "powers are written **"

_SPELLINGS: dict[str, str] = {
    "mse mseloss meansquarederror": "mean((a - b)**2)",
    "rmse rootmeansquarederror": "sqrt(mean((a - b)**2))",
    "mae l1loss meanabsoluteerror": "mean(abs(a - b))",
    "l2loss": "sum(x**2)/2",
    "norm l2 l2norm frobenius frobeniusnorm euclidean": "sqrt(sum(x**2))",
    "l1 l1norm": "sum(abs(x))",
    "ce crossentropyloss categoricalcrossentropy softmaxcrossentropy": "cross_entropy(U, y)",
    "bce bceloss bcewithlogits binarycrossentropywithlogits logloss logisticloss": "binary_cross_entropy(u, t)",
    "nllloss": "nll(P, y)",
    "hinge hingeloss": "mean(relu(1 - t*u))",
    "kl kldiv kldivergence": "sum(p*(log(p) - log(q)))",
    "entropy": "-sum(p*log(p))",
    "ln": "log(x)",
    "log2": "log(x)/0.6931471805599453",
    "log10": "log(x)/2.302585092994046",
    "exp2": "2**x",
    "pow": "x**n",
    "tan": "sin(x)/cos(x)",
    "sinh": "(exp(x) - exp(-x))/2",
    "cosh": "(exp(x) + exp(-x))/2",
    "logistic expit σ": "sigmoid(x)",
    "swish": "silu(x)",
    "lrelu": "leaky_relu(x, 0.01)",
    "sgn signum": "sign(x)",
    "fabs absolute": "abs(x)",
    "average avg": "mean(x)",
    "var variance": "mean((x - mean(x))**2)",
    "std": "sqrt(mean((x - mean(x))**2))",
    "amax reducemax": "max(x)",
    "amin reducemin": "min(x)",
    "reducesum Σ": "sum(x)",
    "reducemean": "mean(x)",
    "multiply hadamard times": "a*b",
    "subtract minus": "a - b",
    "divide": "a/b",
    "negative": "-x",
    "mm bmm mv matmult inner innerproduct": "A@B",
    "linear dense affine": "X@W + b",
    "cat concat stack hstack vstack": "concatenate(A, B, axis=0)",
    "transposed swapaxes": "X.T",
    "identity": "x",
}
"""What others call it, and how it is written here."""

FUNCTIONS = {name.lower(): written for names, written in _SPELLINGS.items() for name in names.split()}

CHARACTERS: dict[str, str] = {
    "^": POWERS,
    "'": "the transpose is written X.T",
    "·×⋅∙∗": "products are written * (each element) or @ (of matrices)",
    "⊙∘": "products of elements are written *",
    "−–": "minus is written -",
    "÷": "division is written /",
    "|": "write abs(x)",
    "‖∥": "write sqrt(sum(x**2))",
    "√": "write sqrt(x)",
    "∑": "write sum(x)",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "{}": "brackets are ( )",
    "（）": "brackets are ( )",
    "，": "a comma is ,",
    "；": "statements are separated by ;",
    "\\$": "formulas are written as in Python, not as in LaTeX",
}
"""Signs, and what to write in their place."""

SIGNS = {sign: hint for signs, hint in CHARACTERS.items() for sign in signs}


def suggestion(name: str, known: list[str]) -> str | None:
    """What to type in place of an unknown function: `write mean((a - b)**2)`, or `did you mean relu?`, or None."""
    plain = name.lower().replace("_", "")
    by_plain = {each.lower().replace("_", ""): each for each in known}
    if plain in by_plain:
        return f"did you mean {by_plain[plain]}?"
    if plain in FUNCTIONS:
        return f"write {FUNCTIONS[plain]}"
    return nearest(name, known)
