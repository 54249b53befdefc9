"use strict";
// Numbers of bars and table, absolute or in multiples.

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
