"use strict";
// Work of each network by kind of layer, as stacked bars; a pattern says what a colour says.

const PATTERNS = ["", "/", ".", "x", "-", "\\", "+"];

function kindLook(t, at) {
  return { color: t.series[at % t.series.length], pattern: PATTERNS[at % PATTERNS.length] };
}

function checkedValue(name) {
  return document.querySelector(`input[name=${name}]:checked`).value;
}

function drawKinds() {
  const place = document.getElementById("kinds-plot");
  if (!place) return;
  const t = theme(), work = checkedValue("work"), share = checkedValue("part") === "share";
  const sums = page.networks.map((network) => page.kinds.reduce((sum, kind) => sum + network.kinds[kind.key][work], 0));
  const rows = page.networks.map((_, index) => index);
  const narrow = place.clientWidth < 500;
  place.style.height = Math.max(12, 2.2 * rows.length + 5) + "rem";
  const traces = page.kinds.map((kind, at) => {
    const look = kindLook(t, at);
    const amounts = page.networks.map((network) => network.kinds[kind.key][work]);
    return {
      type: "bar", orientation: "h", y: rows,
      x: amounts.map((value, row) => share ? (sums[row] ? 100 * value / sums[row] : 0) : value),
      customdata: rows,
      hovertext: page.networks.map((network, row) => "<b>" + plain(network.name) + "</b><br>" + plain(kind.name) + ": "
        + plain(network.kinds[kind.key][work + "_text"]) + (work === "macs" ? " MACs" : " parameters")
        + (sums[row] ? ", " + (100 * amounts[row] / sums[row]).toFixed(1) + " %" : "")),
      hovertemplate: "%{hovertext}<extra></extra>",
      marker: {
        color: look.color, opacity: rows.map((row) => state.chosen === null || row === state.chosen ? 1 : 0.4),
        line: { color: t.paper, width: 1 },
        pattern: { shape: look.pattern, fgcolor: t.paper, bgcolor: look.color, size: t.size * 0.6, solidity: 0.25 },
      },
    };
  });
  const high = share ? 100 : Math.max(1, ...sums), step = 10 ** Math.floor(Math.log10(high / 2));
  const each = high / step > 10 ? 4 * step : high / step > 4 ? 2 * step : step;
  const values = [];
  for (let v = 0; v <= high * 1.001; v += share ? 25 : each * (narrow ? 2 : 1)) values.push(v);
  draw("kinds-plot", traces, layout(t, {
    barmode: "stack", bargap: 0.35, hovermode: "closest", margin: { l: 8, r: t.size * 2.5, t: 8, b: 8 },
    xaxis: axis(t, {
      range: [0, high], tickvals: values,
      ticktext: values.map((v) => share ? v + " %" : v ? withPrefix(v, "") : "0"),
      title: title(t, (work === "macs" ? "MACs" : "Parameters") + (share ? ", share of the network" : ""), 10),
    }),
    yaxis: axis(t, {
      range: [rows.length - 0.5, -0.5], tickvals: rows, showgrid: false,
      ticktext: page.networks.map((network, row) => {
        const name = shortened(network.name, narrow ? 14 : 30);
        return row === state.chosen ? "<b>" + name + "</b>" : name;
      }),
    }),
  }));
  drawKindKeys(t);
}

function drawKindKeys(t) {
  page.kinds.forEach((kind, at) => {
    const svg = document.querySelector(`svg[data-kind=${kind.key}]`), look = kindLook(t, at);
    const make = (name, attributes) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const key in attributes) element.setAttribute(key, attributes[key]);
      return element;
    };
    const lines = { "": "", "/": "M-10 4 4-10M-4 10 10-4", ".": "M-5-4h2M3-4h2M-5 4h2M3 4h2", "x": "M-8-8 8 8M-8 8 8-8",
      "-": "M-10-3H10M-10 4H10", "\\": "M-10-4 4 10M-4-10 10 4", "+": "M-10 0H10M0-10V10" }[look.pattern];
    svg.replaceChildren(
      make("rect", { x: -10, y: -10, width: 20, height: 20, rx: 2, fill: look.color, stroke: "none" }),
      make("path", { d: lines, stroke: t.paper, "stroke-width": 2.5, fill: "none" }),
    );
  });
}

function listenForKinds() {
  const place = document.getElementById("kinds-plot");
  if (!place) return;
  for (const input of document.querySelectorAll("input[name=work], input[name=part]")) {
    input.addEventListener("change", drawKinds);
  }
  drawKinds();
  place.on("plotly_click", (event) => choose(event.points[0].customdata));
}
