"use strict";
// What is chosen, and in which runtime times are shown; kept behind the # of the address.

// Rows travel as columns; here they are rows again.
function rowsOf(columns) {
  const keys = Object.keys(columns);
  return (columns[keys[0]] || []).map((_, i) => Object.fromEntries(keys.map((key) => [key, columns[key][i]])));
}

page.layers = rowsOf(page.layers);
page.modules = rowsOf(page.modules);
for (const one of page.runs) {
  one.steps = rowsOf(one.steps);
  one.by_layer = rowsOf(one.by_layer);
}
for (const module of page.modules) {
  const above = module.parent === null ? null : page.modules[module.parent];
  module.path = above === null ? "" : (above.path ? above.path + "." : "") + module.label;
  const kinds = new Set(spread(module.layers).map((i) => page.layers[i].kind));
  module.kind = kinds.size === 1 ? [...kinds][0] : "several";
}

const chosen = { layers: new Set(), runtime: 0 };
const listeners = [];

function onChange(listener) { listeners.push(listener); }

function run() { return page.runs[chosen.runtime]; }

// Layers that are chosen again are let go, unless only one of their steps was meant before.
function choose(layers, from) {
  const same = layers.length === chosen.layers.size && layers.every((i) => chosen.layers.has(i));
  chosen.layers = new Set(same ? [] : layers);
  changed(from);
}

function clearChoice() {
  if (!chosen.layers.size) return;
  chosen.layers = new Set();
  changed("clear");
}

function chooseRuntime(index) {
  chosen.runtime = index;
  for (const input of document.querySelectorAll("input[name^=runtime-]")) {
    input.checked = input.value === run().key;
  }
  changed("runtime");
}

function changed(from) {
  keepInAddress();
  for (const listener of listeners) listener(from);
}

function isChosen(layers) {
  return layers.some((layer) => chosen.layers.has(layer));
}

// First and last of each stretch of neighbours.
function stretches(layers) {
  const found = [];
  for (const layer of layers) {
    const last = found[found.length - 1];
    if (last && last[1] + 1 === layer) last[1] = layer; else found.push([layer, layer]);
  }
  return found;
}

function spread(ranges) {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
}

function keepInAddress() {
  const layers = stretches(Array.from(chosen.layers).sort((a, b) => a - b))
    .map(([from, to]) => (from === to ? String(from + 1) : (from + 1) + "-" + (to + 1))).join(".");
  const parts = [];
  if (layers) parts.push("layers=" + layers);
  if (chosen.runtime) parts.push("in=" + run().key);
  history.replaceState(null, "", parts.length ? "#" + parts.join("&") : location.pathname + location.search);
}

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1)), layers = new Set();
  for (const [, from, to] of (parts.get("layers") || "").matchAll(/(\d+)(?:-(\d+))?/g)) {
    const end = Math.min(Number(to || from), page.layers.length);
    for (let i = Math.max(1, Number(from)); i <= end; i++) layers.add(i - 1);
  }
  chosen.layers = layers;
  chooseRuntime(Math.max(0, page.runs.findIndex((one) => one.key === parts.get("in"))));
}

function describeChoice() {
  const layers = Array.from(chosen.layers).sort((a, b) => a - b).map((i) => page.layers[i]);
  if (layers.length === 1) {
    const one = layers[0];
    return { name: one.path || one.op, parts: [page.kinds[one.kind].name, one.op, one.shapes, ...sums(layers)] };
  }
  return { name: layers.length + " layers", parts: [layers[0].path + " to " + layers[layers.length - 1].path, ...sums(layers)] };
}

function sums(layers) {
  const sum = (key) => layers.reduce((total, layer) => total + layer[key], 0);
  const most = Math.max(...layers.map((layer) => layer.live_bytes));
  const unknown = layers.some((layer) => layer.kind === "unknown") ? "at least " : "";
  const parts = [
    unknown + countText(sum("macs")) + " MACs", countText(sum("params")) + " parameters",
    bytesText(most) + " alive", bytesText(sum("moved_bytes")) + " moved",
  ];
  for (const one of page.runs) {
    const steps = one.steps.filter((step) => isChosen(step.layers));
    if (!steps.length) continue;
    const more = new Set(steps.flatMap((step) => step.layers)).size - layers.length;
    parts.push(secondsText(steps.reduce((total, step) => total + step.seconds, 0))
      + (one.measured ? " in " : ", ") + one.name
      + (more > 0 ? " together with " + more + (more === 1 ? " other" : " others") : "")
      + (steps.length === 1 && steps[0].side ? ", bound by " + steps[0].side : ""));
  }
  return parts;
}

function showChoice() {
  const bar = document.getElementById("chosen");
  bar.hidden = !chosen.layers.size;
  if (bar.hidden) { document.getElementById("chosen-text").textContent = ""; return; }
  const { name, parts } = describeChoice();
  document.getElementById("chosen-name").textContent = name;
  document.getElementById("chosen-text").textContent = parts.join(" \u00b7 ");
  const layers = Array.from(chosen.layers);
  document.getElementById("chosen-before").disabled = Math.min(...layers) === 0;
  document.getElementById("chosen-after").disabled = Math.max(...layers) === page.layers.length - 1;
}

function startLinks() {
  onChange(showChoice);
  const move = (from, step) => () => {
    choose([from(...chosen.layers) + step], "bar");
  };
  document.getElementById("chosen-before").addEventListener("click", move(Math.min, -1));
  document.getElementById("chosen-after").addEventListener("click", move(Math.max, 1));
  document.getElementById("chosen-clear").addEventListener("click", clearChoice);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.type !== "search") clearChoice();
  });
  addEventListener("hashchange", readAddress);
  for (const input of document.querySelectorAll("input[name^=runtime-]")) {
    input.addEventListener("change", () => {
      chooseRuntime(page.runs.findIndex((one) => one.key === input.value));
    });
  }
}
