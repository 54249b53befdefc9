"use strict";
// Bytes alive at each step, for each way to run the network; both on one scale.

function aliveAt(use, step) {
  return use.buffers.filter((buffer) => buffer[3] <= step && step <= buffer[4])
    .sort((a, b) => b[2] - a[2]);
}

function memoryLines(use, step) {
  const alive = aliveAt(use, step);
  const lines = [bytesText(use.live_bytes[step]) + " alive at step " + (step + 1) + " of " + use.steps.length];
  for (const [name, shape, bytes] of alive.slice(0, 4)) {
    lines.push(bytesText(bytes) + ": " + name + (shape ? ", " + shape : ""));
  }
  if (alive.length > 4) lines.push("and " + (alive.length - 4) + " more");
  if (use.scratch_bytes[step]) lines.push(bytesText(use.scratch_bytes[step]) + ": scratch while it runs");
  return lines;
}

function drawMemory() {
  const top = Math.max(...page.memory.flatMap((use) => use.live_bytes)) * 1.28;
  for (const use of page.memory) drawWay(use, top);
}

function drawWay(use, top) {
  const id = "memory-" + use.way + "-plot", place = document.getElementById(id);
  if (!place) return;
  const t = theme(), n = use.steps.length;
  const any = chosen.layers.size > 0;
  const colours = use.steps.map((_, i) => (any && isChosen(use.layers[i]) ? t.ink : i === use.peak ? t.orange : t.blue));
  const trace = {
    type: "bar", x: use.steps.map((_, i) => i + 1), y: use.live_bytes, width: 1,
    marker: { color: colours, line: { width: 0 }, opacity: use.steps.map((_, i) => (any && !isChosen(use.layers[i]) ? 0.4 : 0.9)) },
    customdata: use.steps.map((_, i) => i),
    text: use.steps.map((step, i) => hoverOf(step, memoryLines(use, i))), textposition: "none",
    hovertemplate: "%{text}<extra></extra>",
  };
  const right = use.peak > n / 2;
  const peak = {
    x: use.peak + 1, y: use.live_bytes[use.peak], xanchor: right ? "right" : "left", yanchor: "bottom",
    text: "<b>" + bytesText(use.live_bytes[use.peak]) + "</b> peak at " + shortened(use.steps[use.peak], Math.max(16, Math.floor(place.clientWidth / t.size) - 16)),
    showarrow: false, font: { color: t.ink, size: t.size },
  };
  draw(id, [trace], layout(t, {
    hovermode: "x", hoverdistance: -1, bargap: 0, annotations: [peak], margin: { l: 8, r: 8, t: 4, b: 8 },
    xaxis: axis(t, { range: [0.5, n + 0.5], title: title(t, "step", 6), nticks: 8, showgrid: false, unifiedhovertitle: { text: "" } }),
    yaxis: axis(t, Object.assign({ range: [0, top] }, byteTicks(top))),
  }));
  // The step's number would stand below the label that says it already.
  onClick(id, (point) => choose(use.layers[point.customdata], id));
}

function byteTicks(top) {
  const raw = top / 4, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((s) => s * power).find((s) => s >= raw);
  const values = [];
  for (let value = 0; value <= top; value += step) values.push(value);
  return { tickvals: values, ticktext: values.map(bytesText) };
}

function memoryMarks(use) {
  return () => use.steps.map((step, i) => ({
    layers: use.layers[i], point: { curveNumber: 0, pointNumber: i },
    said: step + ". " + memoryLines(use, i).join(". "),
  }));
}
