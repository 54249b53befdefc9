"use strict";
// Tables that are sorted by a heading: `data-value` of a cell is a number; without one, its text counts.

function valueIn(row, column) {
  const cell = row.cells[column];
  if (!("value" in cell.dataset)) return cell.textContent.trim();
  return cell.dataset.value === "" ? null : Number(cell.dataset.value);
}

function sortTable(button) {
  const head = button.closest("th"), table = head.closest("table");
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = Array.from(table.tBodies[0].rows);
  rows.sort((a, b) => {
    const one = valueIn(a, head.cellIndex), two = valueIn(b, head.cellIndex);
    // What is not known is last, whichever way.
    if (one === null || two === null) return (one === null) - (two === null);
    const order = typeof one === "string" ? one.localeCompare(two) : one - two;
    return (down ? -order : order) || a.dataset.network - b.dataset.network;
  });
  table.tBodies[0].append(...rows);
}

function listenForSorting() {
  for (const button of document.querySelectorAll("button[data-sort]")) {
    button.addEventListener("click", () => sortTable(button));
  }
}
