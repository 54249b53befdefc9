"use strict";
// Marks of a logarithmic axis, with a prefix to their unit.

function ticks(low, high, unit) {
  const values = [];
  const decades = Math.log10(high / low);
  const steps = decades > 3 ? [1] : decades > 1.4 ? [1, 3] : decades > 0.7 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  for (let e = Math.floor(Math.log10(low)) - 1; e <= Math.log10(high) + 1; e++) {
    for (const step of steps) values.push(Number((step + "e" + e)));
  }
  const kept = values.filter((v) => v >= low && v <= high);
  return { values: kept, texts: kept.map((v) => withPrefix(v, unit)) };
}

function withPrefix(value, unit) {
  const prefixes = [["G", 1e9], ["M", 1e6], ["k", 1e3], ["", 1], ["m", 1e-3], ["u", 1e-6], ["n", 1e-9]];
  const found = prefixes.find((p) => value >= p[1] * 0.999) || prefixes[prefixes.length - 1];
  return Number((value / found[1]).toPrecision(3)) + " " + found[0] + unit;
}
