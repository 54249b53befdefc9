"use strict";
// What the reader has chosen: a network, how numbers are shown, and what 1 is in multiples.

const SHAPES = [
  ["circle", "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0"], ["square", "M-6-6H6V6H-6Z"],
  ["diamond", "M0-9 9 0 0 9-9 0Z"], ["triangle-up", "M0-8 8 6-8 6Z"],
  ["cross", "M-3-8H3V-3H8V3H3V8H-3V3H-8V-3H-3Z"], ["triangle-down", "M0 8 8-6-8-6Z"],
  ["star", "M0-10 3-4 10-3 5 2 6 8 0 5-6 8-5 2-10-3-3-4Z"], ["hexagon", "M0-8 7-4 7 4 0 8-7 4-7-4Z"],
];
const COLOURS = 4;

const state = { chosen: null, base: page.base, mode: "absolute" };

// Shape and colour of a network; 32 of them differ.
function markOf(index) {
  return { shape: SHAPES[(index + Math.floor(index / SHAPES.length)) % SHAPES.length], colour: index % COLOURS };
}

// The same three digits as on a terminal.
function times(ratio) {
  if (ratio === null) return "–";
  if (ratio < 0.0995) return ratio.toFixed(Math.max(0, 1 - Math.floor(Math.log10(ratio))));
  return ratio < 9.995 ? ratio.toFixed(2) : ratio < 99.95 ? ratio.toFixed(1) : ratio.toFixed(0);
}

// Nothing is a multiple of a lower bound.
function ratioOf(index, key) {
  const ours = page.networks[index].cost[key], theirs = page.networks[state.base].cost[key];
  return ours.value && theirs.value && !ours.bound && !theirs.bound ? ours.value / theirs.value : null;
}

function amount(index, key) {
  const cost = page.networks[index].cost[key];
  if (state.mode === "absolute") return cost.value === null ? "–" : cost.text;
  const ratio = times(ratioOf(index, key));
  return ratio === "–" ? ratio : ratio + "\u00a0×";
}

function choose(index) {
  state.chosen = index === state.chosen ? null : index;
  showChoice();
  rememberChoice();
  drawPlots();
}

function showChoice() {
  const chosen = state.chosen;
  for (const button of document.querySelectorAll("button.network")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.network) === chosen));
  }
  for (const row of document.querySelectorAll("li[data-network], tr[data-network]")) {
    row.classList.toggle("chosen", Number(row.dataset.network) === chosen);
  }
  document.body.classList.toggle("has-choice", chosen !== null);
  document.getElementById("choice").textContent = chosen === null
    ? "Choose a network to follow it through the page." : page.networks[chosen].name + " is chosen.";
  document.getElementById("clear").hidden = chosen === null;
}

// The address keeps the choice, so that a link can point at a network.
function rememberChoice() {
  const hash = state.chosen === null ? " " : "#network-" + (state.chosen + 1);
  history.replaceState(null, "", hash);
}

function recallChoice() {
  const found = /^#network-([0-9]+)$/.exec(location.hash);
  const index = found ? Number(found[1]) - 1 : -1;
  state.chosen = index >= 0 && index < page.networks.length ? index : null;
  showChoice();
}

function drawMarks() {
  for (const svg of document.querySelectorAll("svg[data-mark]")) {
    const mark = markOf(Number(svg.dataset.mark));
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", mark.shape[1]);
    svg.classList.add("series-" + mark.colour);
    svg.replaceChildren(path);
  }
}

function listenForChoices() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.network");
    if (button) choose(Number(button.dataset.network));
  });
  document.getElementById("clear").addEventListener("click", () => choose(null));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.chosen !== null) choose(null);
  });
  addEventListener("hashchange", () => { recallChoice(); drawPlots(); });
  const base = document.getElementById("base");
  base.addEventListener("change", () => { state.base = Number(base.value); showMode("times"); });
  for (const input of document.querySelectorAll("input[name=mode]")) {
    input.addEventListener("change", () => showMode(input.value));
  }
  // What a browser kept from before a reload is what is shown.
  state.base = Number(base.value);
  showMode(document.querySelector("input[name=mode]:checked").value);
}

function showMode(mode) {
  state.mode = mode;
  document.querySelector(`input[name=mode][value=${mode}]`).checked = true;
  for (const place of document.querySelectorAll(".base-name")) {
    place.textContent = page.networks[state.base].name;
  }
  showAmounts();
  drawPlots();
}
