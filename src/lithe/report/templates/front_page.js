"use strict";
// Puts the page together: what is chosen in one place shows in all, and in the address.

function choose(index) {
  state.chosen = index;
  history.replaceState(null, "", "#network-" + (index + 1));
  showChoice();
  drawFront();
}

function showChoice() {
  for (const button of document.querySelectorAll("button.network")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.network) === state.chosen));
  }
  for (const row of document.querySelectorAll("#numbers tr[data-network]")) {
    row.classList.toggle("chosen", Number(row.dataset.network) === state.chosen);
  }
  for (const article of document.querySelectorAll("#chosen article")) {
    article.hidden = Number(article.dataset.network) !== state.chosen;
  }
}

function recallChoice() {
  const found = /^#network-([0-9]+)$/.exec(location.hash);
  const index = found ? Number(found[1]) - 1 : -1;
  state.chosen = page.points[index] ? index : page.first;
  showChoice();
}

function start() {
  drawFamilies();
  recallChoice();
  walkFront();
  listenForSorting();
  listenForCopying();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.network");
    if (button) choose(Number(button.dataset.network));
  });
  addEventListener("hashchange", () => { recallChoice(); drawFront(); });
  drawNowAndOnChange(drawFront);
  document.getElementById("front-plot").on("plotly_click", (event) => {
    const index = event.points[0].customdata;
    if (index !== undefined) choose(index);
  });
}

start();
