"use strict";
// Draws everything, again when the window or its colours change, and light and narrow for paper.

function drawAll() {
  drawCandidates();
  drawCurves();
  drawConfusion();
}

async function copyCommand() {
  const command = document.getElementById("command");
  try {
    await navigator.clipboard.writeText(command.textContent);
    document.getElementById("copy").textContent = "Copied";
  } catch {
    // Not allowed here: then it is at least selected.
    getSelection().selectAllChildren(command);
  }
}

function start() {
  walkCandidates();
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
  const button = document.getElementById("copy");
  if (navigator.clipboard) {
    button.hidden = false;
    button.addEventListener("click", copyCommand);
  }
  document.documentElement.dataset.drawn = "yes";
}

start();
