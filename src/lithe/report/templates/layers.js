"use strict";
// The table of layers: sorted by its headings, filtered by name and kind, linked to the plots.

const layerTable = { rows: [], key: "index", descending: false };
const FIGURES = ["macs", "params", "activation_bytes", "live_bytes", "moved_bytes", "seconds", "share"];

function valueOf(index, key) {
  const layer = page.layers[index];
  if (key === "index") return index;
  if (key === "shape") return layer.shapes.split(" to ")[1];
  if (key === "kind") return page.kinds[layer.kind].name;
  if (!["seconds", "share", "side"].includes(key)) return layer[key];
  return run().by_layer[index][key];
}

// What is not known stands last, whichever way it is sorted; equals stay in order of processing.
function sortLayers() {
  const { key, descending, rows } = layerTable, sign = descending ? -1 : 1;
  const words = new Intl.Collator("en", { numeric: true });
  const sorted = rows.map((row, index) => ({ row: row, index: index, value: valueOf(index, key) }));
  sorted.sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null) || a.index - b.index;
    const order = typeof a.value === "number" ? a.value - b.value : words.compare(a.value, b.value);
    return sign * order || a.index - b.index;
  });
  document.querySelector("#layers-table tbody").append(...sorted.map((one) => one.row));
  for (const button of document.querySelectorAll("#layers-table [data-sort]")) {
    const heading = button.closest("th");
    if (button.dataset.sort === key) heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else heading.removeAttribute("aria-sort");
  }
}

// A first press on figures puts the widest first, on words the first letter; a second turns it round.
function sortBy(key) {
  layerTable.descending = layerTable.key === key ? !layerTable.descending : FIGURES.includes(key);
  layerTable.key = key;
  sortLayers();
}

function filterLayers() {
  const text = document.getElementById("layers-filter").value.trim().toLowerCase();
  const kind = document.getElementById("layers-kind").value;
  let shown = 0;
  layerTable.rows.forEach((row, index) => {
    const layer = page.layers[index];
    const fits = (!kind || layer.kind === kind) && (!text || (layer.path + " " + layer.op).toLowerCase().includes(text));
    row.hidden = !fits;
    shown += fits;
  });
  const all = page.layers.length;
  document.getElementById("layers-count").textContent = (shown < all ? shown + " of " : "") + all + (all === 1 ? " layer" : " layers");
}

function showTimes() {
  if (!page.runs.length) return;
  layerTable.rows.forEach((row, index) => {
    const timed = run().by_layer[index], [time, share, side] = Array.from(row.cells).slice(-3);
    time.textContent = timed.seconds === null ? "\u2013" : secondsText(timed.seconds);
    if (timed.shared_by > 1) {
      const mark = document.createElement("small");
      mark.textContent = "\u2215" + timed.shared_by;
      time.append(mark);
    }
    share.textContent = timed.share !== null ? percentText(timed.share) : "\u2013";
    side.textContent = timed.side || "\u2013";
  });
  if (["seconds", "share", "side"].includes(layerTable.key)) sortLayers();
}

function markRows(from) {
  let first = null;
  layerTable.rows.forEach((row, index) => {
    const flag = chosen.layers.has(index);
    row.classList.toggle("chosen", flag);
    if (flag) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    if (flag && !row.hidden) first = first || row;
  });
  // Only the table is scrolled: the page stays where it was chosen.
  if (first && from !== "layers") {
    const place = document.getElementById("layers-scroll"), head = place.querySelector("thead").offsetHeight;
    place.scrollTop += first.getBoundingClientRect().top - place.getBoundingClientRect().top - head - place.clientHeight / 3;
  }
}

function startLayers() {
  const table = document.getElementById("layers-table");
  layerTable.rows = Array.from(table.tBodies[0].rows);
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sort]");
    if (button) sortBy(button.dataset.sort);
  });
  table.tBodies[0].addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !String(getSelection()).trim()) choose([Number(row.dataset.layer)], "layers");
  });
  document.getElementById("layers-filter").addEventListener("input", filterLayers);
  document.getElementById("layers-kind").addEventListener("change", filterLayers);
  // What a browser put back into the fields after a reload.
  filterLayers();
  onChange((from) => {
    if (from === "runtime") showTimes();
    markRows(from);
  });
}
