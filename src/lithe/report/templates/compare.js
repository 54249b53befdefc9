"use strict";
// Puts the page together: what is chosen in one place shows in all.

function drawPlots() {
  drawScatter();
  drawKinds();
}

function start() {
  drawMarks();
  recallChoice();
  walkScatter();
  listenForKinds();
  listenForSorting();
  listenForChoices();
  drawNowAndOnChange(drawPlots);
}

start();
