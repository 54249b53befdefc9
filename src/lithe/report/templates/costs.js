"use strict";
// Numbers of bars and table, absolute or in multiples, and the order of the table.

function showAmounts() {
  for (const place of document.querySelectorAll(".amount")) {
    place.textContent = amount(Number(place.dataset.network), place.dataset.key);
  }
  for (const article of document.querySelectorAll(".cost")) {
    const key = article.dataset.key, base = page.networks[state.base].cost[key];
    const shown = state.mode === "times" && base.value !== null && !base.bound;
    for (const line of article.querySelectorAll(".one")) {
      line.hidden = !shown;
      if (shown) line.style.left = 100 * base.value / page.most[key] + "%";
    }
  }
}

function sortTable(button) {
  const head = button.closest("th"), key = button.dataset.sort;
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of document.querySelectorAll("#numbers th[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => {
    const network = page.networks[Number(row.dataset.network)];
    return key === "name" ? network.name : network.cost[key].value;
  };
  const body = document.querySelector("#numbers tbody"), rows = Array.from(body.rows);
  rows.sort((a, b) => {
    const one = value(a), two = value(b);
    // What is not known is last, whichever way.
    if (one === null || two === null) return (one === null) - (two === null);
    const order = key === "name" ? one.localeCompare(two) : one - two;
    return (down ? -order : order) || a.dataset.network - b.dataset.network;
  });
  body.append(...rows);
}

function listenForSorting() {
  for (const button of document.querySelectorAll("button[data-sort]")) {
    button.addEventListener("click", () => sortTable(button));
  }
}
