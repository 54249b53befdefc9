"use strict";
// Loss and accuracy of each epoch; training dashed, held-out images solid.

// A step of 1, 2, 5, 10, ... epochs that leaves at most eight labels.
function wholeStep() {
  const epochs = page.history.epoch.length;
  const steps = [1, 2, 5].flatMap((s) => [0, 1, 2, 3, 4, 5].map((e) => s * 10 ** e)).sort((a, b) => a - b);
  return steps.find((step) => epochs / step <= 8) || 1e6;
}

function curve(t, name, y, ours) {
  const few = page.history.epoch.length < 3;
  return {
    type: "scatter", mode: few ? "lines+markers" : "lines", name: name, x: page.history.epoch, y: y,
    line: { color: ours ? t.blue : t.orange, width: t.size * (ours ? 0.19 : 0.15), dash: ours ? "solid" : "dot" },
  };
}

function drawCurve(id, heading, key, scale, format, yaxis) {
  if (!document.getElementById(id)) return;
  const t = theme();
  const scaled = (values) => values.map((v) => (v === null ? null : v * scale));
  const traces = [
    curve(t, "held-out", scaled(page.history["val_" + key]), true),
    curve(t, "training", scaled(page.history["train_" + key]), false),
  ];
  for (const trace of traces) trace.hovertemplate = format;
  draw(id, traces, layout(t, {
    hovermode: "x unified", showlegend: true, margin: { l: 8, r: 12, t: t.size * 2.6, b: 8 },
    title: { text: heading, x: 0, xanchor: "left", y: 1, yanchor: "top", yref: "container",
             pad: { t: 6 }, font: { size: t.size * 1.15, color: t.ink } },
    legend: { orientation: "h", x: 1, xanchor: "right", y: 1, yref: "container", yanchor: "top", font: { color: t.soft } },
    xaxis: axis(t, { title: title(t, "Epoch", 8), showgrid: false, tick0: 0, dtick: wholeStep(),
                     spikecolor: t.soft, spikethickness: 1, spikedash: "dot", spikemode: "across",
                     unifiedhovertitle: { text: "epoch %{x}" } }),
    yaxis: axis(t, Object.assign({ nticks: 6 }, yaxis)),
  }));
}

function drawCurves() {
  drawCurve("loss-plot", "Loss", "loss", 1, "%{y:.3f}", { rangemode: "tozero" });
  drawCurve("accuracy-plot", "Accuracy", "accuracy", 100, "%{y:.1f} %", { ticksuffix: " %" });
}
