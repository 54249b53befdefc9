"use strict";
// Draws now, again when the window or its colours change, and light and narrow for paper.

function drawNowAndOnChange(drawAll) {
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let asked = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(drawAll);
  });
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    drawAll();
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    drawAll();
  });
  document.documentElement.dataset.drawn = "yes";
}
