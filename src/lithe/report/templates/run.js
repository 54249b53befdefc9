"use strict";
// Draws everything.

function drawAll() {
  drawCandidates();
  drawCurves();
  drawConfusion();
}

function start() {
  walkCandidates();
  listenForCopying();
  drawNowAndOnChange(drawAll);
}

start();
