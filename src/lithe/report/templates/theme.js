"use strict";
// What the plots have in common: the page's colours and type, and text that stays text.

const page = JSON.parse(document.getElementById("data").textContent);

// Plotly reads a little HTML and TeX in labels; names come from people and are neither.
function plain(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;" };
  return String(text).replace(/[&<>$]/g, (letter) => entities[letter]);
}

// Both ends of a long name: classes often differ only in the last letters.
function shortened(text, length) {
  const letters = Array.from(String(text)), head = Math.ceil(length * 0.6);
  if (letters.length <= length) return plain(text);
  const end = letters.slice(letters.length - (length - head - 1));
  return plain(letters.slice(0, head).join("") + "…" + end.join(""));
}

function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue("--" + name).trim();
  return {
    ink: colour("ink"), blueWash: colour("blue-wash"), orangeWash: colour("orange-wash"), soft: colour("soft"), line: colour("line"), wash: colour("wash"),
    paper: colour("paper"), blue: colour("blue"), orange: colour("orange"),
    series: [0, 1, 2, 3, 4].map((i) => colour("series-" + i)),
    family: getComputedStyle(document.body).fontFamily,
    size: parseFloat(style.fontSize) * 0.8125,
  };
}

function axis(t, more) {
  return Object.assign({
    gridcolor: t.line, linecolor: t.line, zeroline: false, automargin: true, fixedrange: true,
    tickfont: { color: t.soft, size: t.size }, showline: false,
    ticks: "outside", ticklen: t.size / 2, tickcolor: "rgba(0,0,0,0)",
  }, more);
}

function layout(t, more) {
  return Object.assign({
    paper_bgcolor: t.paper, plot_bgcolor: t.paper, showlegend: false,
    font: { family: t.family, size: t.size, color: t.ink }, dragmode: false,
    margin: { l: 8, r: 8, t: 8, b: 8 }, hoverdistance: 24,
    hoverlabel: {
      bgcolor: t.paper, bordercolor: t.soft, align: "left",
      font: { family: t.family, size: t.size, color: t.ink },
    },
  }, more);
}

function title(t, text, standoff) {
  return { text: text, font: { color: t.soft, size: t.size }, standoff: standoff };
}

function draw(id, traces, laidOut) {
  const place = document.getElementById(id);
  if (!place) return;
  // Sizes are said, not left to plotly: it would resize too late for paper.
  const size = { width: place.clientWidth, height: place.clientHeight, autosize: false };
  Plotly.react(place, traces, Object.assign(laidOut, size), { displayModeBar: false });
}
