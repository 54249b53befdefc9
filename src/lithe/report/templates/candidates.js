"use strict";
// Cost against accuracy; what has no accuracy stands in lanes below, at its cost.

const LANES = ["over budget", "fits"];  // from below
const LANE_TEXT = { "over budget": "over budget", "fits": "not raced" };
const SHAPES = { "winner": "star", "raced": "circle", "too slow": "triangle-down", "fits": "circle-open", "over budget": "x" };
const SIZES = { "winner": 1.5, "raced": 0.85, "too slow": 0.85, "fits": 0.7, "over budget": 0.65 };

function chosenAxis() {
  const checked = document.querySelector("input[name=axis]:checked");
  return page.candidates.axes.find((one) => one.key === checked.value);
}

// A lane of its own for what was not trained, whatever the reason.
function laneOf(point) {
  return LANES.indexOf(point.status) >= 0 ? point.status : "fits";
}

function usedLanes(cost) {
  const inLanes = page.candidates.points.filter((p) => p.accuracy === null && p.cost[cost.key] !== null);
  return LANES.filter((lane) => inLanes.some((p) => laneOf(p) === lane));
}

function hoverText(point) {
  return "<b>" + plain(point.name) + "</b><br>" + point.lines.map(plain).join("<br>");
}

function candidatePoints(cost) {
  const seen = {}, lanes = usedLanes(cost);
  return page.candidates.points.filter((p) => p.cost[cost.key] !== null).map((p) => {
    const inLane = p.accuracy === null;
    const lane = laneOf(p);
    seen[lane] = (seen[lane] || 0) + (inLane ? 1 : 0);
    // Neighbours in a lane are moved apart, always in the same way.
    const shift = ((seen[lane] * 2) % 5 - 2) * 0.14;
    return {
      point: p, x: p.cost[cost.key], inLane: inLane,
      y: inLane ? lanes.indexOf(lane) + shift : p.accuracy * 100,
    };
  });
}

function candidateTraces(t, placed) {
  const groups = new Map();
  for (const one of placed) {
    const key = one.point.status + "\n" + one.point.family + "\n" + one.inLane;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(one);
  }
  return Array.from(groups.values()).map((group) => {
    const status = group[0].point.status;
    const family = page.candidates.families.indexOf(group[0].point.family) % 4;
    const faint = status === "over budget";
    return {
      type: "scatter", mode: "markers", x: group.map((g) => g.x), y: group.map((g) => g.y),
      yaxis: group[0].inLane ? "y2" : "y", text: group.map((g) => hoverText(g.point)),
      customdata: group.map((g) => g.point.name), hovertemplate: "%{text}<extra></extra>",
      cliponaxis: false,
      marker: {
        symbol: SHAPES[status] || "circle", size: t.size * (SIZES[status] || 0.7),
        color: faint ? t.soft : t.series[family], opacity: faint ? 0.75 : 1,
        line: { width: status === "fits" ? 2 : 0, color: t.series[family] },
      },
    };
  });
}

function drawCandidates() {
  if (!document.getElementById("candidates-plot")) return;
  const t = theme(), cost = chosenAxis(), placed = candidatePoints(cost);
  const shown = (inLane) => placed.some((one) => one.inLane === inLane);
  const strip = shown(true), above = shown(false);
  const all = placed.map((one) => one.x).concat(cost.limit ? [cost.limit] : []);
  const low = Math.min(...all) / 1.25, high = Math.max(...all) * 1.25;
  const marks = ticks(low, high, cost.unit);
  const lanes = usedLanes(cost);
  const split = strip && above ? 0.05 + 0.12 * lanes.length : strip ? 1 : 0;
  const shapes = [], notes = [];
  if (cost.limit) {
    shapes.push({
      type: "rect", xref: "x", yref: "paper", x0: cost.limit, x1: high * 4, y0: 0, y1: 1,
      fillcolor: t.wash, line: { width: 0 }, layer: "below",
    }, {
      type: "line", xref: "x", yref: "paper", x0: cost.limit, x1: cost.limit, y0: 0, y1: 1,
      line: { color: t.soft, width: 1, dash: "dash" },
    });
    notes.push({
      text: "limit " + plain(cost.limit_text), x: Math.log10(cost.limit), xref: "x", y: 1,
      yref: "paper", xanchor: Math.log10(cost.limit / low) > Math.log10(high / low) / 2 ? "right" : "left",
      yanchor: "bottom", showarrow: false, font: { color: t.soft },
    });
  }
  const laidOut = layout(t, {
    shapes: shapes, annotations: notes, hovermode: "closest",
    margin: { l: 8, r: 16, t: cost.limit ? t.size * 2 : 12, b: 8 },
    xaxis: axis(t, {
      type: "log", range: [Math.log10(low), Math.log10(high)], tickvals: marks.values,
      ticktext: marks.texts, title: title(t, cost.title, 10), anchor: strip ? "y2" : "y",
    }),
  });
  if (above) {
    laidOut.yaxis = axis(t, {
      domain: [split ? split + 0.06 : 0, 1], ticksuffix: " %", nticks: 6,
      title: title(t, page.candidates.accuracy, 10),
    });
  }
  if (strip) {
    laidOut.yaxis2 = axis(t, {
      domain: [0, split], range: [-0.5, lanes.length - 0.5], anchor: "x",
      tickvals: lanes.map((_, i) => i), ticktext: lanes.map((lane) => LANE_TEXT[lane]), showgrid: false,
    });
    shapes.push({
      type: "line", xref: "paper", yref: "paper", x0: 0, x1: 1, y0: split + 0.02, y1: split + 0.02,
      line: { color: t.line, width: above ? 1 : 0 },
    });
  }
  draw("candidates-plot", candidateTraces(t, placed), laidOut);
  const hidden = page.candidates.points.length - placed.length;
  say(hidden ? hidden + " candidates are not shown: their " + cost.title + " was not measured." : "");
}

function say(text) {
  document.getElementById("candidates-spoken").textContent = text;
}

// Left and right go through the points in order of cost, and say what hovering says.
function walkCandidates() {
  const place = document.getElementById("candidates-plot");
  if (!place) return;
  let at = -1;
  place.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") { at = -1; Plotly.Fx.unhover(place); }
    if (!step) return;
    event.preventDefault();
    const points = [];
    place.data.forEach((trace, curve) => trace.x.forEach((x, i) => {
      points.push({ x: x, curve: curve, i: i, name: trace.customdata[i], sub: trace.yaxis === "y2" ? "xy2" : "xy" });
    }));
    points.sort((a, b) => a.x - b.x || a.curve - b.curve || a.i - b.i);
    at = Math.max(0, Math.min(points.length - 1, at + step));
    const to = points[at];
    Plotly.Fx.hover(place, [{ curveNumber: to.curve, pointNumber: to.i }], [to.sub]);
    const found = page.candidates.points.find((p) => p.name === to.name);
    say(found.name + ". " + found.lines.join(". "));
  });
  for (const input of document.querySelectorAll("input[name=axis]")) {
    // A cost that nobody measured cannot be an axis.
    input.disabled = !page.candidates.points.some((p) => p.cost[input.value] !== null);
    if (input.disabled) input.parentElement.title = "not measured for the candidates";
    input.addEventListener("change", () => { at = -1; drawCandidates(); });
  }
}
