"""`backgraph export`: a trained network in a format of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backgraph.cli.output import MODEL, writable_file
from backgraph.cli.screen import say
from backgraph.errors import UsageError
from backgraph.models.fitted import load

SUFFIX = ".onnx"


def export(
    model: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o", "--output"])],
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a trained network with its preparation as an ONNX model, which other programs can run.

    Example: backgraph export run/model.safetensors -o model.onnx

    Args:
        model: the folder that `backgraph train` wrote, or the file in it.
        out: the file to write; it ends in .onnx.
        overwrite: replace the file if there is one.
    """
    from backgraph.export.onnx_model import model_to_onnx

    if out.suffix != SUFFIX:
        raise UsageError("BG601", "--out", "unknown format", got=out.name, expected=f"a file ending in {SUFFIX}")
    writable_file(out, overwrite)
    fitted = load(model / MODEL if model.is_dir() else model)
    written = model_to_onnx(fitted, out)
    inputs = ", ".join(each.name for each in written.graph.input)
    outputs = ", ".join(each.name for each in written.graph.output)
    say(f"{out}: columns {inputs}; gives {outputs}")
