"""`backgraph`: finds the command, runs it, and turns whatever goes wrong into one line and an exit code.

0 done   1 wrong (check, an answer)   2 bad input   3 could not save   4 diverged   70 internal error
130 Ctrl-C   143 SIGTERM
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter, UnusedCliTokensError

from backgraph.cli.examples import examples
from backgraph.cli.screen import complain, flush
from backgraph.errors import BackgraphError, UsageError
from backgraph.train.interrupt import TERMINATED, Terminated
from backgraph.version import __version__

INTERNAL_ERROR = 70
INTERRUPTED = 130


COMMANDS = {
    "train": "Train a network on a table, and save it.",
    "evaluate": "Score a trained network on a table.",
    "predict": "Predict the rows of a table with a trained network.",
    "export": "Write a trained network as an ONNX model for other programs.",
    "explain": "Print the gradient of a cost as maths, or what an error code means.",
    "jacobian": "Show the Jacobian on every edge of a cost, and that their product is the gradient.",
    "check": "Check the gradient of a cost node by node; exit code 1 if it is wrong.",
    "draw": "Draw the graph of a cost and its gradient, as SVG, as a page to step through, or for Graphviz.",
    "cost": "Print the multiply-adds, stored bytes and lifetimes of a cost and its gradients.",
    "compile": "Print a stage of the compiler for a cost, from the graph to machine code.",
    "bench": "Measure how fast this machine trains a network.",
}
"""Each in a module of its name."""


def application() -> App:
    """All commands; each module is imported when its command is called."""
    app = App(
        name="backgraph",
        help="Train, read and check neural networks whose gradients are graphs.",
        version=__version__,
        help_format="plaintext",
        help_epilogue="backgraph COMMAND --help shows what a command takes, with examples.\n",
        default_parameter=Parameter(show_default=_shown_default, negative_iterable=()),
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for name, purpose in COMMANDS.items():
        app.command(f"backgraph.cli.{name}:{name}", name=name, help=purpose, help_epilogue=examples(name))
    return app


def _shown_default(value: object) -> str | None:
    """What an option is when it is not given, where that is anything."""
    return None if value is False or value in ("", None) else str(value)


def program() -> int:
    """The command itself: `main`, and from its end on Ctrl-C no longer changes the exit code."""
    try:
        code = main()
    except KeyboardInterrupt:  # once more, while the first was being answered
        code = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (those of the process by default) and return the exit code."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except Terminated:
        complain("terminated")
        return TERMINATED
    except BackgraphError as error:
        complain(error.line())
        return error.exit_code
    except MemoryError as error:
        hint = "give smaller sizes, or a smaller batch"
        complain(UsageError("BG601", "memory", "this machine has not enough", got=str(error), hint=hint).line())
        return UsageError.exit_code
    except Exception as error:  # the last resort: no traceback reaches a user
        if os.environ.get("BACKGRAPH_DEBUG"):
            raise
        complain(f"internal error: {type(error).__name__}: {error} (BACKGRAPH_DEBUG=1 shows where)")
        return INTERNAL_ERROR
    finally:
        flush()


def _run(arguments: Sequence[str]) -> int:
    try:
        result = application()(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise _usage(error, arguments) from None
    return result if isinstance(result, int) else 0


def _usage(error: CycloptsError, arguments: Sequence[str]) -> UsageError:
    """What is wrong with the arguments, with the command whose help says more."""
    hint = f"see backgraph {f'{arguments[0]} ' if arguments and arguments[0] in COMMANDS else ''}--help"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        name = error.argument.name
        if name in arguments:
            return UsageError("BG601", name, "has no value", hint=hint)
        return UsageError("BG601", name, "is missing", hint=f"add {name} …; {hint}" if name.startswith("-") else hint)
    if isinstance(error, UnusedCliTokensError):
        got = " ".join(error.unused_tokens or ())
        return UsageError("BG601", "arguments", "one too many", got=got, hint=hint)
    return UsageError("BG601", "arguments", " ".join(str(error).split()).rstrip("., "), hint=hint)
