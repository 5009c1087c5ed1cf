"""Pages of drawings in a real browser: keys, views, steps, lifetimes, colours, phones, and that nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backgraph.show.draw import Drawing, draw
from backgraph.show.memory import lives
from tests.show.browser import Browser, found
from tests.show.drawn import gallery

PROGRAM = found()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no browser here: install Debian's chromium to run the tests of pages"),
]
GALLERY = gallery()
STATES = """Object.fromEntries([...document.querySelectorAll('.view:not([hidden]) .box')]
  .map(b => [b.dataset.box, ['later', 'now', 'freed', 'done'].find(s => b.classList.contains(s)) || '']))"""
CONTRAST = """(() => {
  const parts = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255);
  const lum = c => parts(c).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) };
  const style = e => getComputedStyle(e);
  const found = [];
  for (const box of document.querySelectorAll('.view:not([hidden]) .box')) {
    const frame = style(box.querySelector('.frame')).fill, badge = box.querySelector('.badge');
    for (const label of box.querySelectorAll('g[class^=ink-]'))
      found.push(ratio(style(label).fill, label.classList.contains('ink-paper') ? style(badge).fill : frame));
  }
  const band = style(document.querySelector('.band')).fill;
  for (const label of document.querySelectorAll('.view:not([hidden]) .tag g[class^=ink-]'))
    found.push(ratio(style(label).fill, band));
  const behind = e => { for (; e; e = e.parentElement) if (style(e).backgroundColor !== 'rgba(0, 0, 0, 0)')
    return style(e).backgroundColor };
  for (const e of document.querySelectorAll('h1, h2, p, dt, dd, .chip, button, .life b, .life .what'))
    if (e.offsetParent && e.textContent.trim()) found.push(ratio(style(e).color, behind(e)));
  for (const e of document.querySelectorAll('.formula svg g, .chip svg g, .said svg g, .what svg g'))
    if (e.closest('svg').getClientRects().length)
      found.push(ratio(style(e).fill, behind(e.closest('svg').parentElement)));
  return [found.length, Math.min(...found)];
})()"""
INSIDE = """[...document.querySelectorAll('.view:not([hidden]) .box')].filter(box => {
  const frame = box.querySelector('.frame').getBoundingClientRect();
  return [...box.querySelectorAll('.ink-text use')].some(glyph => {
    const r = glyph.getBoundingClientRect();
    const out = r.left < frame.left - 1 || r.right > frame.right + 1;
    return r.width && (out || r.top < frame.top - 1 || r.bottom > frame.bottom + 1);
  });
}).map(box => box.dataset.label)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    running = Browser(PROGRAM or "", tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    case = GALLERY["update"]
    return draw(case.cost, case.wrt, case.names, **case.options)


@pytest.fixture(scope="module")
def page(drawing: Drawing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawing.save(tmp_path_factory.mktemp("page") / "update.html")


@pytest.fixture
def opened(browser: Browser, page: Path) -> Iterator[Browser]:
    browser.media(prefers_color_scheme="light")
    browser.size(1400, 1000)
    browser.open(page)
    yield browser
    assert browser.complaints() == []


def panel(browser: Browser) -> str:
    return str(browser.run("document.querySelector('.view:not([hidden]) [data-panel]:not([hidden])').dataset.panel"))


def test_nothing_is_loaded(opened: Browser, page: Path) -> None:
    assert opened.requests() == [page.as_uri()]
    assert opened.run("performance.getEntriesByType('resource').length") == 0
    opened.events.clear()
    blocked = opened.run("fetch('http://127.0.0.1:9/').then(() => false, () => true)")
    assert blocked is True
    opened.events.clear()  # the browser reports what its policy forbade; that is what was wanted


def test_steps_by_keys_show_lifetimes(opened: Browser, drawing: Drawing) -> None:
    executed = drawing.ladder.executed
    spans = {life.item.number: (life.made, life.last) for life in lives(drawing.ladder)}
    assert set(opened.run(STATES).values()) == {""}
    for step in (1, 2, 3):
        opened.press("ArrowRight")
        assert panel(opened) == str(executed[step - 1].number)
    opened.press("End")
    opened.press("ArrowLeft")
    opened.press("ArrowLeft")
    step = len(executed) - 2
    for number, state in opened.run(STATES).items():
        made, last = spans.get(int(number), (0, 0))
        expected = (
            ""
            if not made
            else "later"
            if made > step
            else "now"
            if made == step
            else "freed"
            if last < step
            else "done"
        )
        assert state == expected, drawing.ladder.items[int(number)].told
    assert opened.run("document.querySelector('.ticks .now').textContent") == str(step)
    opened.press("Home")
    assert panel(opened) == "whole"
    assert set(opened.run(STATES).values()) == {""}


def test_what_is_read_made_and_freed_is_told(opened: Browser, drawing: Drawing) -> None:
    rule = next(item for item in drawing.ladder.items if item.caption == "rule of relu")
    for _ in range(rule.order):
        opened.press("ArrowRight")
    words = opened.run("document.querySelector('.view:not([hidden]) [data-panel]:not([hidden])').innerText")
    assert f"Step {rule.order} of" in words
    assert "m×h = 32×64" in words
    assert "reads" in words
    assert "frees after it" in words
    assert "Rule of relu" in words, "what explain says of it"
    shown = opened.run("document.querySelector('.memory h2:not([hidden])').textContent")
    assert f"alive during step {rule.order}" in shown
    live = opened.run("document.getElementById('live').textContent")
    assert live.startswith("G prime equals"), "the live region reads it aloud"


def test_views_change_and_keep_their_steps(opened: Browser, drawing: Drawing) -> None:
    opened.press("ArrowRight")
    opened.run("document.querySelector('[data-view=\"1\"]').click()")
    assert opened.run("document.querySelector('.view.every').hidden") is False
    assert opened.run("document.querySelector('.view.folded').hidden") is True
    assert opened.run("document.querySelector('[data-view=\"1\"]').getAttribute('aria-pressed')") == "true"
    opened.press("End")
    states = opened.run(STATES)
    assert list(states.values()).count("now") == 1
    opened.run("document.querySelector('[data-view=\"0\"]').click()")
    assert panel(opened) == str(drawing.ladder.executed[0].number)


def test_shapes_in_numbers(opened: Browser) -> None:
    seen = "[...document.querySelectorAll('.folded g.%s')].filter(g => g.getBoundingClientRect().width > 0).length"
    assert opened.run(seen % "numbers") == 0
    opened.run("document.querySelector('[data-shapes=numbers]').click()")
    assert opened.run(seen % "numbers") > 5
    assert opened.run(seen % "letters") == 0


def test_every_box_has_focus_in_order_and_is_named(opened: Browser, drawing: Drawing) -> None:
    labels = opened.run(
        "[...document.querySelectorAll('.folded .box')].map(b => [b.tabIndex, b.getAttribute('aria-label')])"
    )
    assert all(index == 0 for index, _ in labels)
    expected = "H transpose times G, shape h by k, rule of matmul for its second input, step 10"
    assert expected in [label for _, label in labels]
    opened.run("document.querySelector('.folded .box').focus()")
    orders: list[int] = []
    by_number = {item.number: item.order for item in drawing.ladder.items}
    for _ in drawing.ladder.items:
        orders.append(by_number[int(opened.run("document.activeElement.dataset.box"))])
        opened.press("Tab")
    assert orders == sorted(orders)
    opened.run("[...document.querySelectorAll('.folded .box')].at(-1).focus()")
    number = int(opened.run("document.activeElement.dataset.box"))
    assert panel(opened) == str(number)
    opened.press("Enter")
    assert opened.run("document.querySelectorAll('.folded .box.now').length") == 1


def test_play_and_pause(opened: Browser) -> None:
    opened.run("document.activeElement.blur()")
    opened.press(" ")
    assert opened.run("document.documentElement.classList.contains('playing')") is True
    seen = "document.querySelector('.folded .box.now') ? done(1) : requestAnimationFrame(look)"
    step = f"new Promise(done => {{ const look = () => {seen}; look() }})"
    assert opened.run(step) == 1
    opened.press(" ")
    assert opened.run("document.documentElement.classList.contains('playing')") is False


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(opened: Browser, scheme: str) -> None:
    opened.media(prefers_color_scheme=scheme)
    opened.press("ArrowRight")
    opened.press("Home")
    count, lowest = opened.run(CONTRAST)
    assert count > 150
    assert lowest >= 4.5
    paper = opened.run("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


def test_formulas_lie_inside_their_boxes(opened: Browser) -> None:
    assert opened.run(INSIDE) == []
    opened.run("document.querySelector('[data-view=\"1\"]').click()")
    assert opened.run(INSIDE) == []


def test_on_a_phone_the_drawing_scrolls_and_panels_stack(opened: Browser) -> None:
    opened.size(390, 800, phone=True)
    assert opened.run("document.documentElement.scrollWidth") <= 390
    assert opened.run("(s => s.scrollWidth > s.clientWidth)(document.querySelector('.folded .scroll'))") is True
    tops: list[Any] = opened.run(
        "[...document.querySelectorAll('.folded .card')].map(c => c.getBoundingClientRect().top)"
    )
    assert tops[1] > tops[0] + 100


def test_those_who_want_no_motion_get_none(opened: Browser) -> None:
    moving = "getComputedStyle(document.querySelector('.box')).transitionDuration"
    assert opened.run(moving) != "0s"
    opened.media(prefers_reduced_motion="reduce")
    assert opened.run(moving) == "0s"


@pytest.mark.parametrize("name", ["fifty_decayed", "chinese", "two_costs", "forward", "attention"])
def test_other_pages_step_through_to_their_end(browser: Browser, tmp_path: Path, name: str) -> None:
    case = GALLERY[name]
    found = draw(case.cost, case.wrt, case.names, **case.options)
    browser.size(1400, 1000)
    browser.open(found.save(tmp_path / "page.html"))
    browser.press("End")
    assert panel(browser) == str(found.ladder.executed[-1].number)
    assert browser.run(INSIDE) == []
    assert browser.complaints() == []
