"use strict";
// The network's modules as a tree of shares: of time, MACs, parameters or bytes moved.

function measure() {
  return document.querySelector("input[name=measure]:checked").value;
}

// What a module takes beside what the modules below it do, in whole units: no sum may exceed its parts.
function shares() {
  const key = measure();
  const total = (module) => (key === "time" ? Math.round((module.times_s[chosen.runtime] || 0) * 1e10) : module[key]);
  const totals = page.modules.map(total), own = totals.slice();
  page.modules.forEach((module, i) => { if (module.parent !== null) own[module.parent] -= totals[i]; });
  return { totals: totals, own: own.map((value) => Math.max(0, value)) };
}

function measured(module) {
  const key = measure();
  if (key === "time") return secondsText(module.times_s[chosen.runtime] || 0) + (run().measured ? " in " : ", ") + run().name;
  return key === "moved_bytes" ? bytesText(module.moved_bytes) + " moved"
    : countText(module[key]) + (key === "macs" ? " MACs" : " parameters");
}

// A number alone says little: then the name above it stands before.
function labelOf(module) {
  if (!/^\d/.test(module.label) || module.parent === null) return module.label;
  const above = page.modules[module.parent];
  return (above.path ? above.path.split(".").pop() + "." : "") + module.label;
}

function moduleText(module, share) {
  const layers = spread(module.layers);
  return hoverOf(module.path || module.label, [
    measured(module) + ", " + percentText(share) + " of the network",
    layers.length === 1 ? page.kinds[page.layers[layers[0]].kind].name + ", " + page.layers[layers[0]].op
      : layers.length + " layers",
  ]);
}

// Modules that are chosen as a whole; where none is, the innermost that holds all that is chosen.
function chosenModules() {
  if (!chosen.layers.size) return new Set();
  const whole = new Set();
  let innermost = 0;
  page.modules.forEach((module, i) => {
    const layers = spread(module.layers);
    const held = layers.filter((layer) => chosen.layers.has(layer)).length;
    if (held === layers.length) whole.add(i);
    if (held === chosen.layers.size) innermost = i;
  });
  return whole.size ? whole : new Set([innermost]);
}

function drawModules() {
  const place = document.getElementById("modules-plot");
  if (!place) return;
  const t = theme(), { totals, own } = shares(), chosenOnes = chosenModules();
  // What has no area of its own is marked on the module that it is part of.
  const marked = new Set(Array.from(chosenOnes, (i) => {
    while (i && !(totals[i] > 0)) i = page.modules[i].parent;
    return i;
  }));
  const shown = page.modules.map((_, i) => i).filter((i) => totals[i] > 0 || i === 0);
  const parents = new Set(shown.map((i) => page.modules[i].parent));
  const colours = shown.map((i) => (parents.has(i) ? t.wash : kindColour(t, page.modules[i].kind)));
  draw("modules-plot", [{
    type: "icicle", ids: shown.map((i) => "m" + i), sort: false, branchvalues: "remainder",
    parents: shown.map((i) => (page.modules[i].parent === null ? "" : "m" + page.modules[i].parent)),
    labels: shown.map((i) => plain(labelOf(page.modules[i]))), values: shown.map((i) => own[i]),
    customdata: shown, text: shown.map((i) => moduleText(page.modules[i], totals[i] / (totals[0] || 1))),
    hovertemplate: "%{text}<extra></extra>", textinfo: "label", textposition: "middle left", leaf: { opacity: 1 },
    tiling: { orientation: "h", pad: 1 }, pathbar: { visible: false }, root: { color: t.wash },
    insidetextfont: { size: t.size, color: shown.map((i) => (parents.has(i) ? t.ink : t.paper)) },
    marker: {
      colors: colours,
      line: { width: shown.map((i) => (marked.has(i) ? 4 : 1)), color: shown.map((i) => (marked.has(i) ? t.ink : t.paper)) },
    },
  }], layout(t, { margin: { l: 0, r: 0, t: 2, b: 2 }, uniformtext: { minsize: Math.round(t.size * 0.8), mode: "hide" } }));
  if (!place.dataset.listens) {
    place.dataset.listens = "yes";
    // Choosing takes the place of plotly's own zooming.
    place.on("plotly_icicleclick", (event) => {
      choose(spread(page.modules[event.points[0].customdata].layers), "modules");
      return false;
    });
  }
  for (const row of document.querySelectorAll("#modules-table tbody tr")) {
    row.classList.toggle("chosen", chosenOnes.has(Number(row.dataset.module)));
  }
}

function startModules() {
  for (const input of document.querySelectorAll("input[name=measure]")) input.addEventListener("change", drawModules);
  document.getElementById("modules-table").addEventListener("click", (event) => {
    const row = event.target.closest("button") && event.target.closest("tr");
    if (row) choose(spread(page.modules[Number(row.dataset.module)].layers), "modules");
  });
}
