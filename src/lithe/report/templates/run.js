"use strict";
// Draws everything, and copies the command.

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
  const button = document.getElementById("copy");
  if (navigator.clipboard) {
    button.hidden = false;
    button.addEventListener("click", copyCommand);
  }
  drawNowAndOnChange(drawAll);
}

start();
