"use strict";
// One cost of each network against another.

const NAMED = 24;  // points that still have room for names

function axisOf(side) {
  const key = document.querySelector(`select[name=${side}]`).value;
  return page.quantities.find((one) => one.key === key);
}

// Both costs of every network that has both.
function scatterPoints() {
  const x = axisOf("x").key, y = axisOf("y").key;
  return page.networks.map((network, index) => ({
    index: index, network: network, x: network.cost[x].value, y: network.cost[y].value,
  })).filter((one) => one.x !== null && one.y !== null);
}

function pointLines(network) {
  return page.quantities.map((one) => one.name + ": " + (network.cost[one.key].value === null ? "not known" : network.cost[one.key].text));
}

function scatterRange(values) {
  const low = Math.min(...values), high = Math.max(...values), room = Math.max(1.4, (high / low) ** 0.12);
  return [low / room, high * room];
}

// A place beside each point where its name meets neither another name nor a point.
function namePlaces(points, x, y, t) {
  const place = document.getElementById("scatter-plot");
  const across = (v) => (Math.log(v / x[0]) / Math.log(x[1] / x[0])) * place.clientWidth * 0.88;
  const down = (v) => (1 - Math.log(v / y[0]) / Math.log(y[1] / y[0])) * place.clientHeight * 0.84;
  const taken = points.map((p) => [across(p.x) - 8, down(p.y) - 8, across(p.x) + 8, down(p.y) + 8]);
  const order = points.map((p, at) => at).sort((a, b) => (points[b].index === state.chosen) - (points[a].index === state.chosen));
  const result = points.map(() => null);
  for (const at of order) {
    const name = shortened(points[at].network.name, 26), w = (2 + Math.min(26, points[at].network.name.length)) * t.size * 0.56, h = t.size * 1.3;
    const cx = across(points[at].x), cy = down(points[at].y);
    const tried = [
      ["middle right", cx + 10, cy - h / 2], ["middle left", cx - 10 - w, cy - h / 2],
      ["top center", cx - w / 2, cy - 10 - h], ["bottom center", cx - w / 2, cy + 10],
      ["top right", cx + 6, cy - 8 - h], ["bottom right", cx + 6, cy + 8],
      ["top left", cx - 6 - w, cy - 8 - h], ["bottom left", cx - 6 - w, cy + 8],
    ];
    // To the left of the plot itself stand the marks of the axis, which names may not cover.
    const free = tried.find(([, left, top]) => left > -2 * t.size && left + w < place.clientWidth * 0.9
      && taken.every(([a, b, c, d]) => left > c || left + w < a || top > d || top + h < b));
    if (!free && points[at].index !== state.chosen) continue;
    const found = free || tried[0];
    taken.push([found[1], found[2], found[1] + w, found[2] + h]);
    result[at] = { text: name, position: found[0] };
  }
  return result;
}

function scatterTraces(t, points, names) {
  return points.map((one, at) => {
    const mark = markOf(one.index), chosen = one.index === state.chosen;
    const faint = state.chosen !== null && !chosen;
    return {
      type: "scatter", mode: names[at] ? "markers+text" : "markers", x: [one.x], y: [one.y],
      // A space on either side keeps the name off its point.
      text: [names[at] ? "\u00a0" + (chosen ? "<b>" + names[at].text + "</b>" : names[at].text) + "\u00a0" : ""],
      textposition: names[at] ? names[at].position : "middle right",
      textfont: { color: faint ? t.soft : t.ink, size: t.size }, cliponaxis: false,
      customdata: [one.index],
      hovertext: ["<b>" + plain(one.network.name) + "</b><br>" + pointLines(one.network).map(plain).join("<br>")],
      hovertemplate: "%{hovertext}<extra></extra>",
      marker: {
        symbol: mark.shape[0], opacity: faint ? 0.45 : 1, size: t.size * (chosen ? 1.5 : 1), color: t.series[mark.colour],
        line: { width: chosen ? 2 : 0, color: t.ink },
      },
    };
  });
}

function drawScatter() {
  const t = theme(), across = axisOf("x"), upright = axisOf("y"), points = scatterPoints();
  const missing = page.networks.length - points.length;
  document.getElementById("scatter-missing").textContent = missing
    ? missing + (missing === 1 ? " network is not shown: one of its" : " networks are not shown: one of their") + " two costs is not known."
    : "";
  const x = points.length ? scatterRange(points.map((p) => p.x)) : [1, 10];
  const y = points.length ? scatterRange(points.map((p) => p.y)) : [1, 10];
  const marks = { x: ticks(x[0], x[1], across.unit), y: ticks(y[0], y[1], upright.unit) };
  const names = points.length <= NAMED ? namePlaces(points, x, y, t)
    : points.map((p) => p.index === state.chosen ? { text: shortened(p.network.name, 26), position: "middle right" } : null);
  const base = points.find((one) => one.index === state.base), shapes = [];
  if (base) {
    // Equal proportions are a straight line of slope 1 on two logarithmic axes.
    const slope = base.y / base.x, from = Math.max(x[0], y[0] / slope), to = Math.min(x[1], y[1] / slope);
    shapes.push({
      type: "line", x0: from, x1: to, y0: from * slope, y1: to * slope, layer: "below",
      line: { color: t.soft, width: 1, dash: "dash" },
    });
  }
  draw("scatter-plot", scatterTraces(t, points, names), layout(t, {
    shapes: shapes, hovermode: "closest", margin: { l: 8, r: 16, t: 12, b: 8 },
    xaxis: axis(t, {
      type: "log", range: x.map(Math.log10), tickvals: marks.x.values, ticktext: marks.x.texts,
      title: title(t, across.name, 10),
    }),
    yaxis: axis(t, {
      type: "log", range: y.map(Math.log10), tickvals: marks.y.values, ticktext: marks.y.texts,
      title: title(t, upright.name, 10),
    }),
  }));
}

// Left and right go through the points in order of the upper cost; Enter chooses.
function walkScatter() {
  const place = document.getElementById("scatter-plot");
  let at = -1;
  place.addEventListener("keydown", (event) => {
    const points = scatterPoints().sort((a, b) => a.x - b.x || a.index - b.index);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") { at = -1; Plotly.Fx.unhover(place); }
    if ((event.key === "Enter" || event.key === " ") && points[at]) { event.preventDefault(); choose(points[at].index); }
    if (!step || !points.length) return;
    event.preventDefault();
    at = Math.max(0, Math.min(points.length - 1, at + step));
    const curve = place.data.findIndex((trace) => trace.customdata[0] === points[at].index);
    Plotly.Fx.hover(place, [{ curveNumber: curve, pointNumber: 0 }]);
    document.getElementById("scatter-spoken").textContent =
      points[at].network.name + ". " + pointLines(points[at].network).join(". ");
  });
  for (const select of document.querySelectorAll(".sides select")) {
    select.addEventListener("change", () => { at = -1; drawScatter(); });
  }
  drawScatter();
  place.on("plotly_click", (event) => choose(event.points[0].customdata));
}
