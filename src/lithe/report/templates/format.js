"use strict";
// Quantities as the rest of the page writes them: three significant digits and a prefix.

const COUNTS = [["", 1], ["k", 1e3], ["M", 1e6], ["G", 1e9], ["T", 1e12]];
const BYTES = [["B", 1], ["kB", 1e3], ["MB", 1e6], ["GB", 1e9], ["TB", 1e12]];
const SECONDS = [["us", 1e-6], ["ms", 1e-3], ["s", 1]];

function countText(value) { return prefixed(value, COUNTS); }
function bytesText(value) { return prefixed(value, BYTES); }

function secondsText(value) {
  if (value < 60) return prefixed(value, SECONDS);
  const seconds = Math.round(value);
  return Math.floor(seconds / 60) + "\u00a0min " + String(seconds % 60).padStart(2, "0") + "\u00a0s";
}

function percentText(share) {
  return (share * 100).toFixed(1) + "\u00a0%";
}

function prefixed(value, units) {
  if (value === 0) return ("0\u00a0" + units.find((unit) => unit[1] === 1)[0]).trim();
  // 999.5 would be written with four digits: the next prefix begins there.
  const [name, scale] = units.find((unit) => value / unit[1] < 999.5) || units[units.length - 1];
  const number = value / scale;
  const digits = number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  const text = halfToEven(number, digits);
  return ((digits ? text.replace(/\.?0+$/, "") : text) + "\u00a0" + name).trim();
}

// toFixed rounds a half up, the numbers in the tables round it to the even digit.
function halfToEven(number, digits) {
  const scaled = number * 10 ** digits, below = Math.floor(scaled);
  if (scaled - below === 0.5 && below % 2 === 0) return (below / 10 ** digits).toFixed(digits);
  return number.toFixed(digits);
}
