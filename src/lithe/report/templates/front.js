"use strict";
// Accuracy against one cost at a time, and the line of what that cost can buy.

const SYMBOLS = [
  ["circle", "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0"], ["square", "M-6-6H6V6H-6Z"],
  ["diamond", "M0-9 9 0 0 9-9 0Z"], ["triangle-up", "M0-8 8 6-8 6Z"],
];
const state = { chosen: null };

function chosenAxis() {
  const key = document.querySelector("input[name=axis]:checked").value;
  return page.axes.find((one) => one.key === key);
}

function pointsAlong(axis) {
  return page.points.map((point, index) => ({ point: point, index: index, x: point.cost[axis.key], y: point.accuracy }))
    .filter((one) => one.x !== null && one.x > 0)
    .sort((a, b) => a.x - b.x || b.y - a.y || a.index - b.index);
}

// Those that are more accurate than everything that costs as much or less.
function best(points) {
  let highest = -1;
  return points.filter((one) => one.y > highest && ((highest = one.y), true));
}

function hoverText(one) {
  return "<b>" + (one.index + 1) + "  " + shortened(one.point.name, innerWidth < 520 ? 32 : 60) + "</b><br>"
    + one.point.lines.map(plain).join("<br>");
}

function pointTrace(t, one, onLine) {
  const chosen = one.index === state.chosen, colour = t.series[one.point.family % 4];
  return {
    type: "scatter", mode: "markers+text", x: [one.x], y: [one.y * 100], customdata: [one.index],
    text: [chosen ? "<b>" + (one.index + 1) + "</b>" : String(one.index + 1)], textposition: "top left",
    textfont: { color: chosen ? t.ink : t.soft, size: t.size }, cliponaxis: false,
    hovertext: [hoverText(one)], hovertemplate: "%{hovertext}<extra></extra>",
    error_y: { type: "data", array: [one.point.error * 100], color: colour, thickness: 1, width: 0 },
    marker: {
      symbol: SYMBOLS[one.point.family % SYMBOLS.length][0], size: t.size * (chosen ? 1.5 : 0.95),
      color: onLine ? colour : t.paper, line: { width: chosen ? 3 : 2, color: chosen ? t.ink : colour },
    },
  };
}

// A step holds until something better can be paid for.
function lineTrace(t, line, high) {
  return {
    type: "scatter", mode: "lines", line: { shape: "hv", color: t.soft, width: 1.5 }, hoverinfo: "skip",
    x: line.map((one) => one.x).concat(high), y: line.map((one) => one.y * 100).concat(line[line.length - 1].y * 100),
    customdata: [],
  };
}

function drawFront() {
  const t = theme(), cost = chosenAxis(), points = pointsAlong(cost), line = best(points);
  const all = points.map((one) => one.x).concat(cost.limit ? [cost.limit] : []);
  const low = Math.min(...all) / 1.3, high = Math.max(...all) * 1.3, marks = ticks(low, high, cost.unit);
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
      text: "limit " + plain(cost.limit_text), x: Math.log10(cost.limit), xref: "x", y: 1, yref: "paper",
      xanchor: Math.log10(cost.limit / low) > Math.log10(high / low) / 2 ? "right" : "left",
      yanchor: "bottom", showarrow: false, font: { color: t.soft },
    });
  }
  const traces = [lineTrace(t, line, Math.max(...all))];
  for (const one of points) traces.push(pointTrace(t, one, line.includes(one)));
  draw("front-plot", traces, layout(t, {
    shapes: shapes, annotations: notes, hovermode: "closest", margin: { l: 8, r: 16, t: t.size * 2, b: 8 },
    xaxis: axis(t, {
      type: "log", range: [Math.log10(low), Math.log10(high)], tickvals: marks.values, ticktext: marks.texts,
      title: title(t, cost.title, 10),
    }),
    yaxis: axis(t, { ticksuffix: " %", nticks: 6, title: title(t, "Accuracy on held-out images", 10) }),
  }));
}

function drawFamilies() {
  for (const svg of document.querySelectorAll("svg[data-family]")) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", SYMBOLS[Number(svg.dataset.family) % SYMBOLS.length][1]);
    path.setAttribute("stroke", "none");
    svg.replaceChildren(path);
  }
}

// Left and right go through the points in order of cost; Enter chooses.
function walkFront() {
  const place = document.getElementById("front-plot");
  let at = -1;
  place.addEventListener("keydown", (event) => {
    const points = pointsAlong(chosenAxis());
    if (event.key === "Escape") { at = -1; Plotly.Fx.unhover(place); }
    if ((event.key === "Enter" || event.key === " ") && points[at]) { event.preventDefault(); choose(points[at].index); }
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: points.length - 1 }[event.key];
    if (to === undefined || !points.length) return;
    event.preventDefault();
    at = Math.max(0, Math.min(points.length - 1, to));
    Plotly.Fx.hover(place, [{ curveNumber: at + 1, pointNumber: 0 }]);
    const found = points[at];
    document.getElementById("front-spoken").textContent =
      (found.index + 1) + ", " + found.point.name + ". " + found.point.lines.join(". ");
  });
  for (const input of document.querySelectorAll("input[name=axis]")) {
    input.addEventListener("change", () => { at = -1; drawFront(); });
  }
}
