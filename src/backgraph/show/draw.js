"use strict";
// Steps through a drawing. What is said of each step stands in the page already; this only chooses what is seen.
const views = [...document.querySelectorAll(".view")].map((element) => ({
  element,
  data: JSON.parse(element.querySelector("script").textContent),
  step: 0,
  boxes: [...element.querySelectorAll(".box")],
  arrows: [...element.querySelectorAll(".edge, .tag")],
  ticks: [...element.querySelectorAll(".ticks button")],
  panels: [...element.querySelectorAll("[data-panel]")],
  lives: [...element.querySelectorAll(".life[data-made]")],
  bars: [...element.querySelectorAll(".life.total i")],
  amounts: [...element.querySelectorAll("[data-amount]")],
}));
const words = JSON.parse(document.getElementById("words").textContent);
const live = document.getElementById("live");
let current = 0;
let timer = 0;

const state = (made, last, step) => (!step || !made ? "" : made > step ? "later" : made === step ? "now" : last < step ? "freed" : "done");

function mark(element, name) {
  for (const each of ["later", "now", "freed", "done"]) element.classList.toggle(each, each === name);
}

function shown(view, panel) {
  for (const each of view.panels) each.hidden = each.dataset.panel !== String(panel);
  return view.panels.find((each) => !each.hidden);
}

function show(view, step, aloud) {
  view.step = Math.max(0, Math.min(view.data.steps, step));
  const s = view.step;
  view.element.classList.toggle("stepping", s > 0);
  for (const box of view.boxes) {
    const [made, last] = view.data.life[box.dataset.box] || [0, 0];
    const name = state(made, last, s);
    mark(box, name);
    box.setAttribute("aria-label", box.dataset.label + (name ? ", " + words[name] : ""));
  }
  for (const arrow of view.arrows) {
    const [made] = view.data.life[arrow.dataset.to] || [0, 0];
    mark(arrow, state(made, 1e9, s));
  }
  view.ticks.forEach((tick, i) => {
    tick.className = i + 1 === s ? "now" : i + 1 < s ? "done" : "";
    if (i + 1 === s) tick.setAttribute("aria-current", "step");
    else tick.removeAttribute("aria-current");
  });
  for (const row of view.lives) {
    row.classList.toggle("over", s > Number(row.dataset.last));
    row.classList.toggle("yet", s > 0 && s < Number(row.dataset.made));
  }
  view.bars.forEach((bar, i) => bar.classList.toggle("now", i + 1 === s));
  for (const each of view.amounts) each.hidden = each.dataset.amount !== String(s);
  const panel = shown(view, s ? view.data.boxes[s - 1] : "whole");
  if (aloud && panel) live.textContent = panel.dataset.said;
}

function choose(index) {
  pause();
  current = index;
  views.forEach((view, i) => (view.element.hidden = i !== index));
  document.querySelectorAll("[data-view]").forEach((b) => b.setAttribute("aria-pressed", String(Number(b.dataset.view) === index)));
}

function pause() {
  clearInterval(timer);
  timer = 0;
  document.documentElement.classList.remove("playing");
}

function play() {
  if (timer) return pause();
  const view = views[current];
  if (view.step === view.data.steps) show(view, 0, false);
  document.documentElement.classList.add("playing");
  timer = setInterval(() => {
    show(view, view.step + 1, true);
    if (view.step === view.data.steps) pause();
  }, 1100);
}

const moves = {
  ArrowRight: () => show(views[current], views[current].step + 1, true),
  ArrowLeft: () => show(views[current], views[current].step - 1, true),
  Home: () => show(views[current], 0, true),
  End: () => show(views[current], views[current].data.steps, true),
};

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const box = event.target.closest ? event.target.closest(".box") : null;
  if (moves[event.key]) {
    pause();
    moves[event.key]();
  } else if (event.key === " " && !(event.target instanceof HTMLButtonElement)) play();
  else if (event.key === "Enter" && box) reach(box);
  else return;
  event.preventDefault();
});

function reach(box) {
  const made = (views[current].data.life[box.dataset.box] || [0])[0];
  pause();
  if (made) show(views[current], made, true);
}

views.forEach((view) => {
  for (const box of view.boxes) {
    box.addEventListener("click", () => reach(box));
    for (const kind of ["focus", "mouseenter"]) box.addEventListener(kind, () => shown(view, box.dataset.box) || shown(view, "whole"));
    for (const kind of ["blur", "mouseleave"]) box.addEventListener(kind, () => shown(view, view.step ? view.data.boxes[view.step - 1] : "whole"));
  }
  view.ticks.forEach((tick, i) => tick.addEventListener("click", () => (pause(), show(view, i + 1, true))));
  const does = { first: moves.Home, previous: moves.ArrowLeft, next: moves.ArrowRight };
  for (const [name, act] of Object.entries(does)) view.element.querySelector("." + name).addEventListener("click", () => (pause(), act()));
  view.element.querySelector(".play").addEventListener("click", play);
  show(view, 0, false);
});
document.querySelectorAll("[data-view]").forEach((b) => b.addEventListener("click", () => choose(Number(b.dataset.view))));
document.querySelectorAll("[data-shapes]").forEach((b) =>
  b.addEventListener("click", () => {
    const numbers = b.dataset.shapes === "numbers";
    document.querySelectorAll("[data-shapes]").forEach((each) => each.setAttribute("aria-pressed", String(each === b)));
    document.querySelectorAll("g.letters").forEach((g) => g.setAttribute("display", numbers ? "none" : "inline"));
    document.querySelectorAll("g.numbers").forEach((g) => g.setAttribute("display", numbers ? "inline" : "none"));
  })
);
choose(Number(document.body.dataset.first));
document.documentElement.dataset.ready = "yes";
