"""Pictures of training: loss curves, decision boundaries, weights as images, confusion matrices, residuals.

Each takes plain arrays and returns SVG: with a title and a description, light or dark, in colours that the colour-blind
tell apart (Okabe and Ito 2008) and never by colour alone. What users name is escaped. The same arrays give the same
bytes. No plotting library is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from backgraph.errors import DataError
from backgraph.language.op import Array
from backgraph.show.axes import Axis, Frame, figure, legend, legend_width, span
from backgraph.show.canvas import DASHES, Canvas, Theme, short, width_of
from backgraph.show.plot_words import words_of
from backgraph.show.png import data_uri

LEFT, TOP, BOTTOM, RIGHT = 74.0, 44.0, 54.0, 20.0
WIDTH, HEIGHT = 430.0, 260.0
LARGEST = 20_000
"""Of more points than this only as many are drawn, evenly spaced."""
MARKS = ("circle", "square", "triangle", "diamond")


def loss_curves(
    runs: Mapping[str, ArrayLike], *, log: bool = False, title: str = "", measure: str = "", first: int = 1,
    lang: str = "en", theme: str = "light", prefix: str = "losses",
) -> str:  # fmt: skip
    """Losses by epoch: `runs` maps a name, such as "training" or "validation", to one number for each epoch.

    `measure` is what is drawn if it is no loss; `log` puts it on a logarithmic axis; `first` is the number of the first
    epoch. Losses that are not finite (or, with `log`, not above 0) leave a gap. Raises DataError BG207 for an array
    that is not one row of numbers.
    """
    words = words_of(lang)
    lines = {name: _row(values, name) for name, values in runs.items()}
    longest = max((len(line) for line in lines.values()), default=0)
    low, high = span((float(v) for line in lines.values() for v in line), log=log)
    last = [f"{name}: {figure(float(line[-1]))}" for name, line in lines.items() if len(line)]
    description = words["loss_description"].format(n=longest, last=", ".join(last))
    canvas = Canvas(title or words["loss_title"], description, theme=theme, prefix=prefix)
    across = Axis(first, max(first + longest - 1, first + 1), LEFT, LEFT + WIDTH)
    up = Axis(low, high, TOP + HEIGHT, TOP, log)
    canvas.words(LEFT, 26, short(canvas.title, 15, WIDTH), 15, bold=True)
    Frame(across, up, words["epoch"], measure or words["loss"], whole=True).draw(canvas)
    entries: list[tuple[str, str, str]] = []
    for number, (name, line) in enumerate(lines.items()):
        colour, dashes = canvas.theme.colours[number % len(canvas.theme.colours)], DASHES[number % len(DASHES)]
        entries.append((colour, dashes, name))
        canvas.group(f"{name}, {len(line)}")
        for piece in _pieces(line, first, across, up):
            canvas.line(piece, colour, 2.2, dashes)
            if len(piece) == 1:
                canvas.circle(*piece[0], 3, colour)
        canvas.end()
    legend(canvas, LEFT + WIDTH + 24, TOP + 12, entries, legend_width(entries))
    return canvas.svg(LEFT + WIDTH + 24 + legend_width(entries) + RIGHT, TOP + HEIGHT + BOTTOM)


def _pieces(line: Array, first: int, across: Axis, up: Axis) -> list[list[tuple[float, float]]]:
    """The runs of values that can be placed."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for epoch, value in enumerate(line, start=first):
        if up.holds(float(value)):
            pieces[-1].append((across.place(epoch), up.place(float(value))))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def decision_boundary(
    predict: Callable[[Array], ArrayLike], features: ArrayLike, labels: ArrayLike, *, names: Sequence[str] = (),
    axes: tuple[str, str] = ("x1", "x2"), title: str = "", steps: int = 96, lang: str = "en", theme: str = "light",
    prefix: str = "boundary",
) -> str:  # fmt: skip
    """What a model of two features answers over the plane, with the examples on it.

    `predict` takes an (n, 2) array and returns n class numbers, or n rows of probabilities; `features` is (m, 2), and
    `labels` are m class numbers. `names` are those of the classes. Raises DataError BG207 where shapes do not fit.
    """
    words = words_of(lang)
    X, y = np.asarray(features, float), np.asarray(labels)
    if X.ndim != 2 or X.shape[1] != 2 or y.shape != (len(X),):
        raise DataError(
            "BG207", "decision_boundary", "two features and one label for each example", got=f"{X.shape}, {y.shape}"
        )
    canvas = Canvas(title or words["boundary_title"], "", theme=theme, prefix=prefix)
    side = HEIGHT + 60
    ranges = [span(X[:, axis].tolist()) for axis in (0, 1)]
    across = Axis(*ranges[0], LEFT, LEFT + side)
    up = Axis(*ranges[1], TOP + side, TOP)
    grid = _answers(predict, ranges, steps)
    classes = int(max([*grid.ravel(), *y.tolist(), 0])) + 1
    known = [names[number] if number < len(names) else str(number) for number in range(classes)]
    counts = ", ".join(f"{name}: {int((y == number).sum())}" for number, name in enumerate(known))
    canvas.description = words["boundary_description"].format(n=len(X), counts=counts)
    canvas.words(LEFT, 26, short(canvas.title, 15, side), 15, bold=True)
    colours = [canvas.theme.colours[number % len(canvas.theme.colours)] for number in range(classes)]
    palette = [_mixed(colour, canvas.theme.paper, 0.28) for colour in colours]
    canvas.image(LEFT, TOP, side, side, data_uri(grid[::-1], palette))
    Frame(across, up, axes[0], axes[1]).draw(canvas)
    for index in _thinned(len(X)):
        number = int(y[index])
        if across.holds(X[index, 0]) and up.holds(X[index, 1]):
            canvas.mark(across.place(X[index, 0]), up.place(X[index, 1]), MARKS[number % len(MARKS)], colours[number])
    right = _class_legend(canvas, LEFT + side + 22, known, colours)
    return canvas.svg(right + RIGHT, TOP + side + BOTTOM)


def _answers(predict: Callable[[Array], ArrayLike], ranges: Sequence[tuple[float, float]], steps: int) -> Array:
    """The class at the centre of each cell of a grid, rows by the second feature."""
    centres = [low + (high - low) * (np.arange(steps) + 0.5) / steps for low, high in ranges]
    points = np.stack(np.meshgrid(*centres), axis=-1).reshape(-1, 2)
    answers = np.asarray(predict(points))
    if answers.ndim == 2:
        answers = answers.argmax(axis=1) if answers.shape[1] > 1 else answers[:, 0] > 0.5
    if answers.shape != (len(points),):
        raise DataError("BG207", "decision_boundary", "not one answer for each point", got=answers.shape)
    return answers.astype(np.int64).reshape(steps, steps)


def _class_legend(canvas: Canvas, x: float, names: Sequence[str], colours: Sequence[str]) -> float:
    for number, name in enumerate(names):
        y = TOP + 10 + 20 * number
        canvas.mark(x + 6, y - 4, MARKS[number % len(MARKS)], colours[number])
        canvas.words(x + 20, y, short(name, 12, 160), 12)
    return x + 20 + min(160.0, max((width_of(name, 12) for name in names), default=0.0))


def weight_images(
    weights: ArrayLike, *, shape: tuple[int, int] | None = None, columns: int = 0, title: str = "", lang: str = "en",
    theme: str = "light", prefix: str = "weights",
) -> str:  # fmt: skip
    """One image for each column of `weights`, which is (inputs, units): what each unit looks for in an image.

    `shape` is that of the image, such as (28, 28); without it the inputs must be a square number. All share one scale,
    symmetric around 0. Raises DataError BG207 where the inputs do not fill the shape.
    """
    words = words_of(lang)
    W = np.asarray(weights, float)
    side = round(W.shape[0] ** 0.5) if W.ndim == 2 else 0
    height, width = shape or (side, side)
    if W.ndim != 2 or W.shape[0] != height * width or not W.size:
        raise DataError(
            "BG207", "weight_images", "the inputs do not fill an image", got=W.shape, expected=f"{height}×{width}"
        )
    units = W.shape[1]
    across = columns or max(1, min(units, round(units**0.5 * 1.3)))
    down = -(-units // across)
    largest = float(np.abs(W[np.isfinite(W)]).max(initial=0.0)) or 1.0
    canvas = Canvas(title or words["weights_title"], "", theme=theme, prefix=prefix)
    canvas.description = words["weights_description"].format(n=units, h=height, w=width, largest=figure(largest))
    canvas.words(20, 26, short(canvas.title, 15, 600), 15, bold=True)
    cell = max(44.0, min(84.0, 640 / across))
    palette = _diverging(canvas.theme)
    for unit in range(units):
        image = W[:, unit].reshape(height, width)
        x, y = 20 + (unit % across) * (cell + 8), TOP + (unit // across) * (cell * height / width + 8)
        canvas.group(words["unit"].format(n=unit + 1))
        canvas.image(x, y, cell, cell * height / width, data_uri(_levels(image, largest), palette))
        canvas.rect(x, y, cell, cell * height / width, fill="none", stroke=canvas.theme.grid)
        canvas.end()
    bottom = TOP + down * (cell * height / width + 8)
    right = _scale(canvas, 20, bottom + 8, largest, palette)
    return canvas.svg(max(20 + across * (cell + 8) + 12, right, 60 + width_of(canvas.title, 15)), bottom + 48)


def _levels(image: Array, largest: float) -> Array:
    """Indices into a palette of 255 colours, 127 for 0."""
    return np.rint(np.clip(np.nan_to_num(image / largest), -1, 1) * 127 + 127).astype(np.uint8)


def _diverging(theme: Theme) -> list[tuple[int, int, int]]:
    below = [_mixed(theme.negative, theme.paper, strength / 127) for strength in range(127, 0, -1)]
    return [*below, *(_mixed(theme.positive, theme.paper, strength / 127) for strength in range(128))]


def _scale(canvas: Canvas, x: float, y: float, largest: float, palette: list[tuple[int, int, int]]) -> float:
    """A bar from −largest to largest."""
    canvas.image(x + 44, y, 180, 12, data_uri(np.arange(255)[None, :], palette))
    canvas.rect(x + 44, y, 180, 12, fill="none", stroke=canvas.theme.note)
    canvas.words(x + 38, y + 10, figure(-largest), 11, colour=canvas.theme.note, anchor="end")
    canvas.words(x + 134, y + 26, "0", 11, colour=canvas.theme.note, anchor="middle")
    canvas.words(x + 230, y + 10, figure(largest), 11, colour=canvas.theme.note)
    return x + 290


def confusion_matrix(
    counts: ArrayLike, names: Sequence[str] = (), *, title: str = "", lang: str = "en", theme: str = "light",
    prefix: str = "confusion",
) -> str:  # fmt: skip
    """How often the class of a row was taken for that of a column: `counts` is (k, k), truth by rows.

    Cells are shaded by their share of their row, and carry the count. Raises DataError BG207 for another shape.
    """
    words = words_of(lang)
    table = np.asarray(counts)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not table.size:
        raise DataError("BG207", "confusion_matrix", "not a square table", got=table.shape)
    classes, right = len(table), int(np.trace(table))
    known = [names[number] if number < len(names) else str(number) for number in range(classes)]
    canvas = Canvas(title or words["confusion_title"], "", theme=theme, prefix=prefix)
    total = int(table.sum())
    canvas.description = words["confusion_description"].format(
        right=right, total=total, share=f"{right / max(total, 1):.2%}"
    )
    cell = max(26.0, min(46.0, 480 / classes))
    room = min(130.0, max(width_of(name, 11) for name in known) + 8)
    left, top = 44 + room, TOP + 24 + (room if classes and room > cell else 18)
    canvas.words(20, 26, short(canvas.title, 15, 460), 15, bold=True)
    canvas.words(left + classes * cell / 2, TOP + 10, words["predicted"], 12, anchor="middle")
    canvas.words(26, top + classes * cell / 2, words["truth"], 12, anchor="middle", turned=True)
    for number, name in enumerate(known):
        canvas.words(left - 8, top + (number + 0.5) * cell + 4, short(name, 11, room), 11, anchor="end")
        x = left + (number + 0.5) * cell
        if room > cell:
            canvas.words(x + 4, top - 8, short(name, 11, room), 11, turned=True)
        else:
            canvas.words(x, top - 8, short(name, 11, cell), 11, anchor="middle")
    for (i, j), count in np.ndenumerate(table):
        share = float(count) / max(1, int(table[i].sum()))
        _count(canvas, (left + j * cell, top + i * cell), cell, int(count), share, right=i == j)
    canvas.words(20, top + classes * cell + 26, canvas.description, 12, colour=canvas.theme.note)
    width = max(left + classes * cell, 20 + width_of(canvas.description, 12), 20 + width_of(canvas.title, 15))
    return canvas.svg(width + RIGHT, top + classes * cell + 44)


def _count(canvas: Canvas, corner: tuple[float, float], side: float, count: int, share: float, *, right: bool) -> None:
    """A cell: blue where right, orange where wrong."""
    theme, (x, y) = canvas.theme, corner
    canvas.rect(x, y, side, side, fill=theme.paper, stroke=theme.grid)
    colour = theme.positive if right else theme.negative
    if count:
        canvas.rect(x + 1, y + 1, side - 2, side - 2, fill=_hex(_mixed(colour, theme.paper, 0.1 + 0.45 * share)))
    size, ink = 11 if side > 30 else 9, theme.text if count else theme.note
    canvas.words(x + side / 2, y + side / 2 + 4, f"{count:,}", size, colour=ink, anchor="middle")


def residual_plot(
    truth: ArrayLike, predicted: ArrayLike, *, title: str = "", unit: str = "", lang: str = "en", theme: str = "light",
    prefix: str = "residuals",
) -> str:  # fmt: skip
    """Residuals, truth less prediction, over the predictions, with the line where they are 0.

    A good regression scatters evenly around that line. Raises DataError BG207 where the arrays differ in length.
    """
    words = words_of(lang)
    y, guess = _row(truth, "truth"), _row(predicted, "predicted")
    if y.shape != guess.shape:
        raise DataError(
            "BG207", "residual_plot", "truth and predictions differ in length", got=f"{len(y)}, {len(guess)}"
        )
    residuals = y - guess
    finite = residuals[np.isfinite(residuals)]
    spread = float(np.sqrt(np.mean(finite**2))) if len(finite) else float("nan")
    canvas = Canvas(title or words["residual_title"], "", theme=theme, prefix=prefix)
    canvas.description = words["residual_description"].format(n=len(y), rmse=figure(spread))
    behind = f" ({unit})" if unit else ""
    across = Axis(*span(guess.tolist()), LEFT, LEFT + WIDTH)
    up = Axis(*span([0.0, *residuals.tolist()]), TOP + HEIGHT, TOP)
    canvas.words(LEFT, 26, short(canvas.title, 15, WIDTH), 15, bold=True)
    Frame(across, up, words["prediction"] + behind, words["residual"] + behind).draw(canvas)
    canvas.line([(LEFT, up.place(0)), (LEFT + WIDTH, up.place(0))], canvas.theme.text, 1.4, "6 3")
    for index in _thinned(len(y)):
        if across.holds(guess[index]) and up.holds(residuals[index]):
            canvas.mark(across.place(guess[index]), up.place(residuals[index]), "circle", canvas.theme.colours[0])
    canvas.words(LEFT, TOP + HEIGHT + BOTTOM, canvas.description, 12, colour=canvas.theme.note)
    return canvas.svg(LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM + 16)


def _row(values: ArrayLike, name: str) -> Array:
    array = np.asarray(values, float)
    if array.ndim != 1:
        raise DataError("BG207", name, "not one row of numbers", got=array.shape)
    return array


def _thinned(number: int) -> Sequence[int]:
    return range(number) if number <= LARGEST else [int(each) for each in np.linspace(0, number - 1, LARGEST)]


def _mixed(colour: str, paper: str, strength: float) -> tuple[int, int, int]:
    """A colour laid over paper."""
    ink, ground = (tuple(int(each[place : place + 2], 16) for place in (1, 3, 5)) for each in (colour, paper))
    return tuple(round(a * strength + b * (1 - strength)) for a, b in zip(ink, ground, strict=True))  # type: ignore[return-value]


def _hex(colour: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02X}" for part in colour)
