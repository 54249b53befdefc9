"use strict";
// Colours and words that the plots share, and going through a plot by keyboard.

function kindColour(t, kind) {
  const name = page.kinds[kind].colour;
  return name.startsWith("series-") ? t.series[Number(name.slice(7))] : t[name];
}

function stepLines(step, one) {
  const layers = step.layers.map((i) => page.layers[i]);
  const lines = layers.length > 1
    ? [layers.length + " layers in one step: " + layers.slice(0, 4).map((l) => l.path).join(", ") + (layers.length > 4 ? ", \u2026" : "")]
    : layers.map((l) => page.kinds[l.kind].name + ", " + l.op + ", " + l.shapes);
  lines.push(countText(step.macs) + " MACs, " + bytesText(step.moved_bytes) + " moved: "
    + (step.moved_bytes ? (step.macs / step.moved_bytes).toPrecision(3) : "no") + " MACs per byte");
  if (step.seconds !== null) {
    const range = step.p20_s === null ? "at least, predicted"
      : "3 of 5 runs took " + secondsText(step.p20_s) + " to " + secondsText(step.p80_s);
    lines.push(secondsText(step.seconds) + " (" + range + "), "
      + countText(step.macs / step.seconds) + "MAC/s");
  }
  if (step.bound_s !== null && one.measured) {
    lines.push(percentText(step.bound_s / step.seconds) + " of its bound, which is set by " + step.side
      + (step.side === "memory" ? " (" + step.level + ")" : ""));
  }
  return lines;
}

function hoverOf(name, lines) {
  const folded = lines.map((line) => foldedLines(line).map(plain).join("<br>")).join("<br>");
  return "<b>" + shortened(name, 60) + "</b><br>" + folded;
}

// Labels do not fold by themselves, and a long one would leave the window.
function foldedLines(text) {
  const width = innerWidth < 520 ? 38 : 70, lines = [""];
  for (const word of String(text).split(" ").flatMap((w) => w.match(new RegExp(".{1," + width + "}", "gsu")) || [""])) {
    const last = lines[lines.length - 1];
    if (last && last.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = last ? last + " " + word : word;
  }
  return lines;
}

// Left and right go from mark to mark, Enter chooses what is there; all of it is said too.
function walkable(id, marks) {
  const place = document.getElementById(id);
  if (!place) return;
  let at = -1;
  place.addEventListener("keydown", (event) => {
    const all = marks();
    if (event.key === "Escape") { at = -1; Plotly.Fx.unhover(place); return; }
    if (event.key === "Enter" && all[at]) { choose(all[at].layers, id); return; }
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || !all.length) return;
    event.preventDefault();
    at = Math.max(0, Math.min(all.length - 1, to));
    Plotly.Fx.hover(place, [all[at].point]);
    document.getElementById(id.replace("-plot", "-said")).textContent = all[at].said;
  });
}

// Plotly's own events, listened to once, as soon as there is a plot.
function onClick(id, listener) {
  const place = document.getElementById(id);
  if (place && !place.dataset.listens) {
    place.dataset.listens = "yes";
    place.on("plotly_click", (event) => listener(event.points[0]));
  }
}
