"""Pictures of training: well formed, the same twice, readable in both themes, with nothing users name run or lost."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backgraph.errors import DataError, UsageError
from backgraph.language.op import Array
from backgraph.show.axes import Axis, figure, linear_ticks, log_ticks, span
from backgraph.show.canvas import THEMES, Canvas, Theme
from backgraph.show.plots import confusion_matrix, decision_boundary, loss_curves, residual_plot, weight_images
from backgraph.show.png import png

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "\"'</svg><script>alert(1)</script>&\x00\x1b]]>"
CLASSES = ("inner", HOSTILE, "右")


def disc(points: Array) -> Array:
    return (points**2).sum(axis=1) > 1


X = np.random.default_rng(0).normal(size=(40, 2))
PLOTS: dict[str, Callable[..., str]] = {
    "losses": lambda **look: loss_curves({"training": [3, 2, 1], HOSTILE: [4, np.nan, 2, 1.5]}, **look),
    "log losses": lambda **look: loss_curves({"training": [1e-3, 0, 1e3, -1, np.inf, 2]}, log=True, **look),
    "no epochs": lambda **look: loss_curves({"training": []}, **look),
    "boundary": lambda **look: decision_boundary(
        disc, X, disc(X).astype(int), names=CLASSES, axes=("a", HOSTILE), **look
    ),
    "weights": lambda **look: weight_images(np.arange(784.0 * 3).reshape(784, 3) - 999, **look),
    "no weights": lambda **look: weight_images(np.zeros((4, 1)), **look),
    "confusion": lambda **look: confusion_matrix([[5, 1, 0], [0, 0, 0], [2, 2, 9]], CLASSES, **look),
    "residuals": lambda **look: residual_plot([1.0, 2.0, np.nan], [1.5, 1.5, 1.0], unit=HOSTILE, **look),
    "one residual": lambda **look: residual_plot([1.0], [1.0], **look),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_well_formed_and_the_same_twice(name: str, lang: str, theme: str) -> None:
    first, second = (PLOTS[name](lang=lang, theme=theme) for _ in range(2))
    assert first == second
    root = ElementTree.fromstring(first)
    title, description = root[0], root[1]
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert title.text
    assert description.text
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert "nan" not in re.sub("<desc.*?</desc>|<text.*?</text>|<title.*?</title>", "", first)
    assert not list(root.iter(f"{SVG}script"))
    width, height = (float(root.get(side, "0")) for side in ("width", "height"))
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x", "-1")) <= width
        assert 0 <= float(text.get("y", "-1")) <= height


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_colours_of_text_and_lines_stand_out(theme: Theme) -> None:
    for colour in (theme.text, theme.note, *theme.colours):
        assert contrast(colour, theme.paper) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_counts_can_be_read_on_their_cells(theme: str) -> None:
    drawn = confusion_matrix([[9, 0], [0, 9]], theme=theme)
    fills = set(re.findall(r'fill="(#[0-9A-F]{6})"/>', drawn))
    assert all(contrast(fill, THEMES[theme].text) >= 4.5 for fill in fills if fill != THEMES[theme].text)


def test_losses_that_are_not_finite_leave_a_gap() -> None:
    drawn = ElementTree.fromstring(loss_curves({"run": [3, 2, np.nan, 1, 0.5]}))
    (group,) = [each for each in drawn.iter(f"{SVG}g") if each.get("aria-label") == "run, 5"]
    assert [len(each.get("points", "").split()) for each in group.iter(f"{SVG}polyline")] == [2, 2]


def test_every_example_and_every_class_is_drawn() -> None:
    labels = np.arange(40) % 3
    drawn = ElementTree.fromstring(decision_boundary(disc, X, labels, names=CLASSES))
    marks = [*drawn.iter(f"{SVG}circle"), *drawn.iter(f"{SVG}polygon")]
    assert len(marks) == 40 + 3
    assert "inner: 14" in (drawn[1].text or "")


def test_the_boundary_is_where_the_model_says() -> None:
    drawn = decision_boundary(lambda p: (p[:, 0] > 0).astype(int), np.array([[-1.0, -1], [1, 1]]), [0, 1], steps=8)
    pixels = image_of(drawn)
    assert pixels.tolist() == [[0] * 4 + [1] * 4] * 8


def test_probabilities_will_do() -> None:
    def sure(points: Array) -> Array:
        return np.stack([points[:, 1] <= 0, points[:, 1] > 0], axis=1).astype(float)

    pixels = image_of(decision_boundary(sure, np.array([[-1.0, -1], [1, 1]]), [0, 1], steps=4))
    assert pixels.tolist() == [[1] * 4] * 2 + [[0] * 4] * 2  # the first row of an image is its top


def image_of(drawn: str) -> Array:
    """The pixels of the first image, read back."""
    address = re.search(r"data:image/png;base64,([^\"]+)", drawn)
    assert address is not None
    return decoded(base64.b64decode(address[1]))


def decoded(file: bytes) -> Array:
    width, height = struct.unpack(">II", file[16:24])
    start = file.index(b"IDAT")
    (length,) = struct.unpack(">I", file[start - 4 : start])
    rows = np.frombuffer(zlib.decompress(file[start + 4 : start + 4 + length]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


def test_a_file_of_png_holds_its_pixels_and_checksums() -> None:
    pixels = np.arange(12).reshape(3, 4)
    file = png(pixels, [(each, 0, 0) for each in range(12)])
    assert decoded(file).tolist() == pixels.tolist()
    at = 8
    while at < len(file):
        (length,) = struct.unpack(">I", file[at : at + 4])
        (checksum,) = struct.unpack(">I", file[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(file[at + 4 : at + 8 + length])
        at += 12 + length
    assert at == len(file)


def test_weights_share_one_scale_around_zero() -> None:
    W = np.array([[0.0, 1.0], [0.5, -1.0], [0.0, 0.0], [0.0, 0.0]])
    assert image_of(weight_images(W)).tolist() == [[127, 190], [127, 127]]


def test_all_cells_of_a_confusion_matrix_carry_their_count() -> None:
    drawn = ElementTree.fromstring(confusion_matrix(np.arange(100).reshape(10, 10)))
    texts = [each.text for each in drawn.iter(f"{SVG}text")]
    assert texts.count("0") == 1 + 2
    assert "99" in texts
    assert "495 of 4950 right (10.00%)" in texts


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_ticks_are_round_and_inside(low: float, width: float) -> None:
    high = low + width
    ticks = linear_ticks(low, high)
    if high > low and width > 1e-6 * abs(low):
        assert 2 <= len(ticks) <= 8
        assert all(low - 1e-6 * width <= tick <= high + 1e-6 * width for tick in ticks)


def test_ticks_of_a_logarithmic_axis() -> None:
    assert log_ticks(0.05, 2) == [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
    assert log_ticks(1e-4, 10) == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1, 10])
    assert len(log_ticks(1e-30, 1e30)) < 14
    axis = Axis(0.01, 100, 0, 400, log=True)
    assert axis.place(1) == pytest.approx(200)
    assert not axis.holds(0)


def test_figures_and_ranges() -> None:
    assert [figure(value) for value in (0, 0.5, -1e-9, 123456)] == ["0", "0.5", "−1e-9".replace("-", "−"), "1.235e5"]
    assert span([]) == (0, 1)
    assert span([np.nan, 2, 2]) == (1, 3)
    assert span([-1, 0], log=True) == pytest.approx((1 / 1.3, 13))


def test_what_does_not_fit_is_refused() -> None:
    for wrong in (
        lambda: loss_curves({"a": [[1.0]]}),
        lambda: decision_boundary(disc, X[:, :1], disc(X)),
        lambda: decision_boundary(lambda points: points[:5, 0], X, disc(X)),
        lambda: weight_images(np.zeros((10, 2))),
        lambda: confusion_matrix([[1, 2]]),
        lambda: residual_plot([1, 2], [1]),
    ):
        with pytest.raises(DataError, match="BG207"):
            wrong()
    with pytest.raises(UsageError, match="BG601"):
        Canvas("a", "b", theme="sepia")
    with pytest.raises(UsageError, match="BG601"):
        loss_curves({}, lang="fr")
