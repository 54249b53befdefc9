"use strict";
// Draws everything, and again what shows a choice when another is made.

function drawAll() {
  drawRoofline();
  drawMemory();
  drawModules();
}

function start() {
  startLinks();
  startLayers();
  startModules();
  walkable("roofline-plot", rooflineMarks);
  for (const use of page.memory) walkable("memory-" + use.way + "-plot", memoryMarks(use));
  readAddress();
  onChange(drawAll);
  drawNowAndOnChange(drawAll);
}

start();
