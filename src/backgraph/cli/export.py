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
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a trained network with its preparation as an ONNX model, which other programs can run.

    Example: backgraph export run/model.safetensors -o model.onnx

    Args:
        model: the folder that `backgraph train` wrote, or the file in it.
        output: the file to write; it ends in .onnx.
        overwrite: replace the file if there is one.
    """
    from backgraph.export.onnx_model import model_to_onnx

    if output.suffix != SUFFIX:
        raise UsageError("BG601", "--output", "unknown format", got=output.name, expected=f"a file ending in {SUFFIX}")
    writable_file(output, overwrite)
    fitted = load(model / MODEL if model.is_dir() else model)
    written = model_to_onnx(fitted, output)
    inputs = ", ".join(each.name for each in written.graph.input)
    outputs = ", ".join(each.name for each in written.graph.output)
    say(f"{output}: columns {inputs}; gives {outputs}")
