"""Examples for `backgraph COMMAND --help`: each can be typed as it stands; tests do."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "train": (
        "backgraph train --hidden 64 --out digits",
        "backgraph train data.csv --target price --out model",
    ),
    "evaluate": ("backgraph evaluate model data.csv",),
    "predict": ("backgraph predict model data.csv --out predictions.csv",),
    "export": ("backgraph export model --out model.onnx",),
    "explain": (
        'backgraph explain "mean((X@w - z)**2)" --wrt w',
        'backgraph explain "cross_entropy(relu(X@W1)@W2, y)" --wrt W1,W2 --values',
        'backgraph explain "sum(relu(X@W)**2)" --wrt W --format numpy',
        "backgraph explain BG101",
    ),
    "jacobian": (
        'backgraph jacobian "z = W@x + b; C = sum((sigmoid(z) - t)**2)" --wrt W,b',
        'backgraph jacobian "sum((W@x - t)**2)" --wrt W --values --out jacobian.html',
    ),
    "check": (
        'backgraph check "sum(relu(X@W)**2)" --wrt W',
        'backgraph check "mean((X@w - z)**2)" --wrt w --size m=4,d=3 --lang zh',
    ),
    "draw": (
        'backgraph draw "cross_entropy(relu(X@W1)@W2, y)" --wrt W1,W2 -o graph.svg',
        'backgraph draw "mean((X@w - z)**2)" --wrt w --update adam -o step.html',
    ),
    "cost": (
        'backgraph cost "cross_entropy(relu(X@W1)@W2, y)" --wrt W1,W2',
        'backgraph cost "mean((X@w - z)**2)" --wrt w --size m=100,d=8',
    ),
    "compile": (
        'backgraph compile "mean((X@w - z)**2)" --wrt w --size d=8',
        'backgraph compile "mean((X@w - z)**2)" --wrt w --size d=8 --show asm',
    ),
    "bench": ("backgraph bench", "backgraph bench --shape 32,64,64,10 --optimizer adam"),
}
"""By command."""


def examples(command: str) -> str:
    """What stands below the help of a command."""
    return "\n".join(["Examples:", *(f"  {line}" for line in EXAMPLES[command])]) + "\n"
