"use strict";
// MACs per byte against MACs per second, a point per step, below the roofs of the machine.

function rooflinePoints() {
  return run().steps.map((step, index) => ({
    index: index, step: step, x: step.macs / step.moved_bytes, y: step.macs / step.seconds,
  })).filter((p) => p.step.macs > 0 && p.step.moved_bytes > 0 && p.step.seconds > 0);
}

function decades(low, high, unit) {
  const values = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++) {
    const value = 10 ** e;
    if (value >= low && value <= high) values.push(value);
  }
  return { tickvals: values, ticktext: values.map((v) => unit(v)) };
}

function roofTraces(t, roofs, low, high) {
  const lines = roofs.levels.map((level) => {
    const corner = roofs.macs_per_s / level.bytes_per_s;
    const end = Math.min(Math.max(corner, low), high);
    return { x: [low, end], y: [Math.min(roofs.macs_per_s, low * level.bytes_per_s), Math.min(roofs.macs_per_s, end * level.bytes_per_s)], dash: level.level === "memory" ? "solid" : "dot" };
  });
  const flat = Math.min(...roofs.levels.map((level) => roofs.macs_per_s / level.bytes_per_s), high);
  lines.push({ x: [Math.max(low, flat), high], y: [roofs.macs_per_s, roofs.macs_per_s], dash: "solid" });
  return lines.map((line) => ({
    type: "scatter", mode: "lines", x: line.x, y: line.y, hoverinfo: "skip",
    line: { color: t.soft, width: t.size * 0.13, dash: line.dash },
  }));
}

// Each roof is named where it leaves the plot on the left or at its foot.
function roofNames(t, roofs, low, high, floor, brief) {
  const text = (name) => ({ showarrow: false, font: { color: t.soft, size: t.size }, text: name });
  const names = roofs.levels.map((level) => {
    const enters = Math.max(low, floor / level.bytes_per_s);
    return Object.assign(text(level.level + (brief ? "" : " " + bytesText(level.bytes_per_s) + "/s")), {
      x: Math.log10(enters), y: Math.log10(Math.min(roofs.macs_per_s, enters * level.bytes_per_s)),
      // To the right of where the line begins, and so below it.
      xanchor: "left", yanchor: "middle", xshift: t.size * 1.3, yshift: enters > low ? t.size * 0.6 : 0,
    });
  });
  names.push(Object.assign(text("arithmetic " + countText(roofs.macs_per_s) + "MAC/s"), {
    x: Math.log10(high), y: Math.log10(roofs.macs_per_s), xanchor: "right", yanchor: "bottom",
  }));
  return names;
}

function drawRoofline() {
  const place = document.getElementById("roofline-plot");
  if (!place) return;
  const t = theme(), points = rooflinePoints(), roofs = run().roofs;
  const xs = points.map((p) => p.x), ys = points.map((p) => p.y).concat(roofs ? [roofs.macs_per_s] : []);
  const left = Math.min(...xs, 0.5) / 1.6, right = Math.max(...xs, 100) * 1.6;
  const bottom = Math.min(...ys) / 3, top = Math.max(...ys) * 2;
  const longest = Math.max(...run().steps.map((step) => step.seconds));
  const any = chosen.layers.size > 0;
  const biggest = t.size * 2.6;
  // Large points first, so that they hide no small one.
  points.sort((a, b) => b.step.seconds - a.step.seconds);
  const flags = points.map((p) => any && isChosen(p.step.layers));
  const trace = {
    type: "scatter", mode: "markers", cliponaxis: false, x: points.map((p) => p.x), y: points.map((p) => p.y),
    customdata: points.map((p) => p.index), hovertemplate: "%{text}<extra></extra>",
    text: points.map((p) => hoverOf(p.step.label, stepLines(p.step, run()))),
    marker: {
      symbol: points.map((p) => page.kinds[p.step.kind].symbol),
      color: points.map((p) => kindColour(t, p.step.kind)),
      size: points.map((p) => Math.max(t.size * 0.7, biggest * Math.sqrt(p.step.seconds / longest))),
      opacity: flags.map((flag) => (any ? (flag ? 1 : 0.2) : 0.8)),
      line: { width: flags.map((flag) => (flag ? 3 : 1)), color: flags.map((flag) => (flag ? t.ink : t.paper)) },
    },
  };
  const notes = roofs ? roofNames(t, roofs, left, right, bottom, place.clientWidth < t.size * 45) : [];
  draw("roofline-plot", [...(roofs ? roofTraces(t, roofs, left, right) : []), trace], layout(t, {
    hovermode: "closest", annotations: notes, margin: { l: 8, r: 12, t: t.size * 1.6, b: 8 },
    xaxis: axis(t, Object.assign({ type: "log", range: [Math.log10(left), Math.log10(right)], title: title(t, "MACs for each byte moved", 10) },
      decades(left, right, String))),
    yaxis: axis(t, Object.assign({ type: "log", range: [Math.log10(bottom), Math.log10(top)], title: title(t, "MACs per second", 10) },
      decades(bottom, top, countText))),
  }));
  onClick("roofline-plot", (point) => {
    if (point.customdata !== undefined) choose(run().steps[point.customdata].layers, "roofline");
  });
  noteRoofline(points, roofs);
}

function noteRoofline(points, roofs) {
  const left = run().steps.length - points.length, seconds = run().steps.filter((step) => !step.macs).reduce((sum, step) => sum + step.seconds, 0);
  const parts = [];
  if (left) parts.push(left + (left === 1 ? " step has" : " steps have") + " no MACs and so no place here: " + secondsText(seconds) + (left > 1 ? " in all." : "."));
  if (!roofs) parts.push("What the machine can do was not measured, so there are no roofs.");
  document.getElementById("roofline-note").textContent = parts.join(" ");
}

function rooflineMarks() {
  const place = document.getElementById("roofline-plot"), curve = place.data.length - 1;
  const trace = place.data[curve];
  return trace.customdata.map((index, i) => ({ index: index, i: i }))
    .sort((a, b) => a.index - b.index)
    .map(({ index, i }) => {
      const step = run().steps[index];
      return {
        layers: step.layers, point: { curveNumber: curve, pointNumber: i },
        said: step.label + ". " + stepLines(step, run()).join(". "),
      };
    });
}
