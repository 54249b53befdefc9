"use strict";
// Shares of each class: right ones on the diagonal in blue, mistakes in orange on a scale of their own.

const NUMBERED = 12;  // classes up to which a cell has room for its number

function grid(n, fill) {
  return Array.from({ length: n }, () => new Array(n).fill(fill));
}

function drawConfusion() {
  const place = document.getElementById("confusion-plot");
  if (!place) return;
  const t = theme(), { classes, totals, cells } = page.confusion, n = classes.length;
  const right = grid(n, null), wrong = grid(n, null), texts = grid(n, "");
  let most = 0;
  for (const [i, j, count] of cells) {
    const share = totals[i] ? count / totals[i] : 0;
    (i === j ? right : wrong)[i][j] = share;
    if (i !== j) most = Math.max(most, share);
    texts[i][j] = (i === j ? "<b>" + plain(classes[i]) + "</b>, called so"
      : "<b>" + plain(classes[i]) + "</b> called <b>" + plain(classes[j]) + "</b>")
      + "<br>" + count + " of " + totals[i] + " (" + (share * 100).toFixed(1) + " %)";
  }
  const map = (z, colour, top, pale) => ({
    type: "heatmap", z: z, zmin: 0, zmax: top, showscale: false, hoverongaps: false,
    colorscale: [[0, pale], [1, colour]], xgap: n <= 40 ? 1 : 0, ygap: n <= 40 ? 1 : 0,
    customdata: texts, hovertemplate: "%{customdata}<extra></extra>",
  });
  const numbered = n <= NUMBERED ? cells : [];
  const strength = ([i, j, count]) => count / (totals[i] || 1) / (i === j ? 1 : most || 1);
  const numbers = {
    type: "scatter", mode: "text", hoverinfo: "skip", x: numbered.map((c) => c[1]),
    y: numbered.map((c) => c[0]), text: numbered.map((c) => String(c[2])),
    textfont: { size: t.size, color: numbered.map((c) => (strength(c) > 0.6 ? t.paper : t.ink)) },
  };
  // As many labels as there is room for; the others are found by hovering.
  const every = Math.ceil(n / Math.max(2, Math.floor(place.clientWidth / (t.size * 1.9))));
  const marks = classes.map((_, i) => i).filter((i) => i % every === 0);
  const longest = Math.max(10, Math.min(24, Math.floor(place.clientWidth / (t.size * 2.5))));
  const labels = marks.map((i) => shortened(classes[i], longest));
  const widest = Math.max(...marks.map((i) => Math.min(longest, Array.from(classes[i]).length)));
  const side = { range: [-0.5, n - 0.5], tickvals: marks, ticktext: labels, showgrid: false, constrain: "domain" };
  draw("confusion-plot", [
    map(right, t.blue, 1, t.blueWash),
    map(wrong, t.orange, most || 1, t.orangeWash),
    numbers,
  ], layout(t, {
    plot_bgcolor: t.wash, hovermode: "closest", margin: { l: 4, r: 4, t: 4, b: 4 },
    xaxis: axis(t, Object.assign({}, side, {
      title: title(t, "called", 8),
      tickangle: widest * t.size * 0.6 > (place.clientWidth * 0.7) / labels.length ? -45 : 0,
    })),
    yaxis: axis(t, Object.assign({}, side, {
      range: [n - 0.5, -0.5], title: title(t, "is", 8), scaleanchor: "x",
    })),
  }));
}
