"""A drawing as a page to step through: one file without network, library or font.

    view       a drawing of the folded graph or of every node, with its steps, panels and memory
    panel      what is said of one box: its rule, formula and derivation, what it reads, makes and frees

All words stand in the page when it is written; its script (draw.js) only chooses what is seen, and may load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from backgraph.language.dims import at, shape_text
from backgraph.language.notation import Tree
from backgraph.show import words_en, words_zh
from backgraph.show.compose import said
from backgraph.show.derive import Step
from backgraph.show.ladder import Item, Ladder
from backgraph.show.memory import Life, bytes_of, lives, number, shown_bytes
from backgraph.show.page import GAP, Formula, Remark, Sentence, listed
from backgraph.show.picture import Picture
from backgraph.show.repeats import indexed, pattern
from backgraph.show.sentences import Narrator
from backgraph.show.speech import speech
from backgraph.show.stepper_theme import theme_rules
from backgraph.show.svg import Writer, drawn, formula_svg, spoken
from backgraph.show.typeset import markup

EXPLANATIONS = {"en": words_en, "zh": words_zh}
ICONS = {
    "first": "M3 2v12h2V2zM14 2L6 8l8 6z",
    "previous": "M12 2L4 8l8 6z",
    "start": "M3 2l10 6-10 6z",
    "pause": "M3 2h4v12H3zM9 2h4v12H9z",
    "next": "M4 2l8 6-8 6z",
}
MOST_TICKS = 80
"""Steps up to which each has a button of its own."""
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class View:
    """One drawing of a page."""

    def __init__(self, picture: Picture, full: Ladder, sizes: Mapping[str, int], prefix: str, name: str) -> None:
        self.picture, self.ladder, self.full, self.sizes, self.name = picture, picture.ladder, full, sizes, name
        self.writer = Writer(prefix, focusable=True)
        self.words, self.lang = self.ladder.words, picture.look.lang
        self.lives = {life.item.number: life for life in lives(self.ladder)}
        self.totals = shown_bytes(self.ladder, full, sizes)
        self.told = told(self.ladder, self.lang)
        self.formulas: dict[tuple[str, str, float], str] = {}
        self.freed: dict[int, list[Item]] = {}
        for life in self.lives.values():
            if not life.item.stays:
                self.freed.setdefault(life.last, []).append(life.item)

    @property
    def nodes(self) -> int:
        """How many boxes it has."""
        return len(self.ladder.items)

    def html(self, describe: str, hidden: bool) -> str:
        """The view, with everything that is said in it."""
        panels = [self._whole(), *map(self._panel, self.ladder.items)]
        memory = self._memory()
        drawing = drawn(self.picture, self.writer, describe, role="group")
        outlines = self.writer.defs()  # formulas of the panels use them, too
        drawing = drawing.replace(drawing[drawing.index("<defs>") : drawing.index("</defs>") + 7], outlines, 1)
        return "\n".join(
            [
                f'<section class="view {self.name}" aria-label="{spoken(self.picture.title)}"{" hidden" * hidden}>',
                f'<div class="scroll" style="--wide:{self.picture.width:.0f}px">{drawing}</div>',
                self._controls(),
                '<div class="panels"><section class="card">',
                *panels,
                f'</section><section class="card memory">{memory}</section></div>',
                f'<script type="application/json">{self._data()}</script></section>',
            ]
        )

    def _data(self) -> str:
        life = {str(n): [life.made, life.last] for n, life in self.lives.items()}
        life |= {str(i.number): self._seen(i) for i in self.ladder.items if i.view_of is not None}
        boxes = [item.number for item in self.ladder.executed]
        return json.dumps({"steps": len(boxes), "boxes": boxes, "life": life}, separators=(",", ":"))

    def _seen(self, item: Item) -> list[int]:
        """A view comes and goes with the value that it shows."""
        base = self.lives.get(item.view_of.number) if item.view_of else None
        readers = [each.order for each in self.ladder.executed if item in each.reads]
        first = base.made if base else min(readers, default=0)
        return [first, base.last if base else len(self.lives)]

    def _controls(self) -> str:
        words = self.words
        play = f"{_icon('start', 'start')}{_icon('pause', 'pause')}"
        buttons = [
            f'<button type="button" class="{kind}" title="{words[key]}" aria-label="{words[key]}">{mark}</button>'
            for kind, key, mark in (
                ("first", "whole", _icon("first")),
                ("previous", "previous", _icon("previous")),
                ("play", "play", play),
                ("next", "next", _icon("next")),
            )
        ]
        ticks = [self._tick(item) for item in self.ladder.executed] if len(self.lives) <= MOST_TICKS else []
        group = f'<div class="ticks" role="group" aria-label="{words["steps"]}">{"".join(ticks)}</div>'
        return f'<div class="controls">{"".join(buttons)}{group}</div>'

    def _tick(self, item: Item) -> str:
        label = spoken(said(item, self.lang))
        return (
            f'<button type="button" style="--own:var(--{item.path})" title="{spoken(item.title)}" '
            f'aria-label="{label}">{item.order}</button>'
        )

    def _whole(self) -> str:
        words = self.words
        intro = words["intro" if any(i.path == "gradient" for i in self.ladder.items) else "intro_forward"]
        text = f'<p>{spoken(intro)}</p><p class="quiet">{spoken(words["hint"])}</p>'
        head = f'<p class="quiet">{words["whole"]}</p>'
        return f'<article data-panel="whole" data-said="{words["whole"]}">{head}{text}</article>'

    def _panel(self, item: Item) -> str:
        parts = [self._heading(item), f'<div class="formula">{self.formula(item.tree, 22)}</div>', *self._why(item)]
        parts.append(self._accounts(item))
        label = spoken(said(item, self.lang))
        return f'<article data-panel="{item.number}" data-said="{label}" hidden>{"".join(parts)}</article>'

    def _heading(self, item: Item) -> str:
        words = self.words
        step = words["step_of"].format(n=item.order, all=len(self.lives)) if item.order else ""
        about = [step, item.caption.replace("_", " "), item.built_by.replace("_", " ")]
        return f'<p class="quiet">{spoken(" · ".join(part for part in about if part))}</p>'

    def _why(self, item: Item) -> Iterator[str]:
        words = self.words
        if item.also:
            yield self._said((f"{words['passed_on']} ", *_between(item.also)))
        if len(item.stands_for) > 1:
            yield self._said((words["stands_for"].format(n=len(item.stands_for)),))
        if item.step is not None:
            yield from (self._said(sentence) for sentence in self._sentences(item))

    def _sentences(self, item: Item) -> Sequence[Sentence]:
        """What is said of its step; of repeated layers, what is said of all of them alike, with ℓ for the layer."""
        here = self.told.get(id(item.step), [])
        if len(item.stands_for) < 2:
            return here
        above = self.told.get(id(item.stands_for[1].step), [])
        pairs = [(a, b) for a in here for b in above if pattern(a) == pattern(b)]
        return [indexed(a, b, item.first_index) for a, b in pairs]

    def _said(self, sentence: Sentence) -> str:
        pieces: list[str] = []
        for are_words, parts in itertools.groupby(sentence, lambda part: isinstance(part, str)):
            if are_words:
                pieces.append(spoken(GAP.sub("", "".join(map(str, parts)))))
            else:
                pieces += (self.formula(part, 16) for part in parts if not isinstance(part, str))
        return f'<p class="said">{"".join(pieces)}</p>'

    def formula(self, tree: Tree, size: float) -> str:
        """A formula in type, with its words for those who listen."""
        words, marks = speech(self.lang).write(tree), markup(tree)
        known = self.formulas.get((words, marks, size))
        if known is None:
            known = f'<span role="img" aria-label="{spoken(words)}">{formula_svg(self.writer, marks, size)}</span>'
            self.formulas[words, marks, size] = known
        return known

    def _accounts(self, item: Item) -> str:
        words = self.words
        if not item.order:
            return f"<dl><div><dt>{words['given_value'] if item.is_leaf else item.caption}</dt></div></dl>"
        reads = list(dict.fromkeys(item.reads))
        freed = self.freed.get(item.order, [])
        rows = [("reads", self._chips(reads, "")), ("makes", self._made(item)), ("frees", self._chips(freed, " free"))]
        return f"<dl>{''.join(f'<div><dt>{words[key]}</dt><dd>{made}</dd></div>' for key, made in rows)}</dl>"

    def _chips(self, items: Sequence[Item], kind: str) -> str:
        if not items:
            return f'<span class="quiet">{self.words["nothing"]}</span>'
        return "".join(f'<span class="chip{kind}">{self.formula(called(item), 15)}</span>' for item in items)

    def _made(self, item: Item) -> str:
        shape = item.value.shape
        words = [shape_text(shape)]
        if isinstance(shape, tuple) and shape:
            words.append(shape_text(tuple(at(dim, self.sizes) for dim in shape)))
        words = list(dict.fromkeys(words))
        return f'<span class="chip">{spoken(" = ".join(words))}, {amount(number(bytes_of(item), self.sizes))}</span>'

    def _memory(self) -> str:
        words, totals = self.words, self.totals
        most = max(totals, default=0)
        peak = words["at_peak"].format(bytes=amount(most), n=totals.index(most) + 1 if totals else 0)
        heads = [f'<h2 data-amount="0">{words["memory"]}{words["colon"]}{peak}</h2>']
        for step, total in enumerate(totals, start=1):
            line = words["alive"].format(bytes=amount(total), n=step)
            heads.append(f'<h2 data-amount="{step}" hidden>{words["memory"]}{words["colon"]}{line}</h2>')
        sizes = ", ".join(f"{name} = {size}" for name, size in self.sizes.items())
        about = words["with_sizes"].format(sizes=spoken(sizes)) if sizes else ""
        lanes = [self._total_lane(most), *(self._lane(life) for life in self.lives.values())]
        note = f'<p class="quiet">{words["lifetimes"]}{words["colon"] if about else ""}{about}</p>'
        return "".join([*heads, note, '<div class="bars">', *lanes, "</div>"])

    def _total_lane(self, most: int) -> str:
        count = max(len(self.totals), 1)
        bars = [
            f'<i style="left:{at:.2f}%;width:{94 / count:.2f}%;height:{100 * total / max(most, 1):.1f}%"></i>'
            for at, total in ((100 * i / count, total) for i, total in enumerate(self.totals))
        ]
        lane = f'<div class="lane">{"".join(bars)}</div>'
        return f'<div class="life total"><span class="what">{self.words["total"]}</span>{lane}</div>'

    def _lane(self, life: Life) -> str:
        count = max(len(self.lives), 1)
        left, wide = 100 * (life.made - 1) / count, 100 * (life.last - life.made + 1) / count
        many = len(life.item.stands_for)
        size = (f"{many} × " if many > 1 else "") + amount(number(life.bytes, self.sizes))
        side = f"left:{left + wide:.2f}%" if left + wide < 80 else f"right:{100 - left:.2f}%"
        bar = f'<i style="left:{left:.2f}%;width:{wide:.2f}%"></i><b style="{side}">{size}</b>'
        data = f'data-made="{life.made}" data-last="{life.last}" style="--own:var(--{life.item.path})"'
        what = f'<span class="what">{self.formula(called(life.item), 12)}</span>'
        return f'<div class="life" {data}>{what}<div class="lane">{bar}</div></div>'


def page(views: Sequence[View], descriptions: Sequence[str], first: int, lang: str, theme: str) -> str:
    """The whole page. `theme` is light or dark for a page that is always so, or empty for the reader's own choice."""
    script, words = _asset("draw.js"), views[0].words
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    title = spoken(views[0].picture.title)
    states = {key: words[f"state_{key}"] for key in ("done", "now", "later", "freed")}
    parts = [view.html(text, i != first) for i, (view, text) in enumerate(zip(views, descriptions, strict=True))]
    return "\n".join(
        [
            f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{title}</title><style>{theme_rules(theme)}{_asset('draw.css')}</style></head>",
            f'<body data-first="{first}"><header><h1>{title}</h1><span class="grow"></span>',
            f"{_choices(views, first)}</header>",
            "<main>",
            *parts,
            '</main><div id="live" class="visually-hidden" aria-live="polite"></div>',
            f'<script type="application/json" id="words">{json.dumps(states, ensure_ascii=True)}</script>',
            f"<script>{script}</script></body></html>\n",
        ]
    )


class _PageNarrator(Narrator):
    """Leaves out what a page tells beside it: what is kept and freed, by the numbers of its own steps."""

    def _end(self, step: Step, number: int) -> Iterator[Sentence]:
        del number
        if step.of in self.derivation.gradients.targets:
            yield (self.words["ends"],)
        if step.goes_to:
            yield self.say("goes_to", list=listed(step.goes_to, self.words["comma"], self.words["and"]))


def told(ladder: Ladder, lang: str) -> dict[int, list[Sentence]]:
    """What `explain` says of each step, by the identity of the step."""
    words = EXPLANATIONS[lang]
    found: dict[int, list[Sentence]] = {}
    for derivation in ladder.derivations:
        steps: Iterator[Step] = iter(derivation.steps)
        here: list[Sentence] = []
        for block in _PageNarrator(derivation, words.WORDS, True, words.OPERATIONS).backward():
            if isinstance(block, Formula):
                here = found.setdefault(id(next(steps)), [])
            elif isinstance(block, Remark):
                here.append(block.words)
    return found


def called(item: Item) -> Tree:
    """The name of a box's value, or its formula if it has none."""
    left = getattr(item.tree, "left", None)
    return left if left is not None and getattr(item.tree, "symbol", "") in ("=", "←") else item.tree


def amount(count: int) -> str:
    """Bytes as people write them."""
    size, unit = float(count), 0
    while size >= 1024 and unit + 1 < len(UNITS):
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.3g} {UNITS[unit]}"


def _between(trees: Sequence[Tree]) -> Iterator[str | Tree]:
    for i, tree in enumerate(trees):
        yield from (", ", tree) if i else (tree,)


def _icon(name: str, kind: str = "") -> str:
    place = 'viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"'
    return f'<svg class="{kind}" {place}><path d="{ICONS[name]}"/></svg>'


def _choices(views: Sequence[View], first: int) -> str:
    words = views[0].words
    detail = [
        f'<button type="button" data-view="{i}" aria-pressed="{str(i == first).lower()}">'
        f"{words[view.name].format(n=view.nodes)}</button>"
        for i, view in enumerate(views)
    ]
    shapes = [
        f'<button type="button" data-shapes="{kind}" aria-pressed="{pressed}">{example}</button>'
        for kind, pressed, example in (("letters", "true", "m×h"), ("numbers", "false", "32×64"))
    ]
    return (
        f'<span class="choice" role="group" aria-label="{words["detail"]}">{"".join(detail)}</span>'
        f'<span class="choice" role="group" aria-label="{words["shapes"]}">{"".join(shapes)}</span>'
    )


@cache
def _asset(name: str) -> str:
    return files("backgraph.show").joinpath(name).read_text(encoding="utf-8")
