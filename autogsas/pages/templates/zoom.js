// A pattern with panels on one 2theta axis, moved and zoomed by dragging, buttons and keys.
const MANY = 12000;   // more markers than this are reduced to those visible on the screen

// First point in view and the one after the last, with a margin on both sides as a fraction of the view.
function inView(x, [low, high], margin = 0) {
  const extra = margin * (high - low);
  let start = x.findIndex((value) => value >= low - extra);
  let end = x.length;
  while (end > 0 && x[end - 1] > high + extra) end -= 1;
  if (start < 0) start = x.length;
  return [Math.max(0, start), Math.max(start, end)];
}

// The points to draw, also some outside the view for dragging. If there are too many: the lowest and highest point of
// every curve in each pixel column, and the ends of excluded regions.
function shownPoints(x, view, curves, weight) {
  const [start, end] = inView(x, view, 0.5);
  const all = Array.from({ length: end - start }, (_, i) => start + i);
  if (all.length <= MANY) return all;
  const width = (2 * (view[1] - view[0])) / 1500;
  const keep = new Set([start, end - 1]);
  let column = null, extremes = [];
  for (let i = start; i < end; i += 1) {
    const here = Math.floor(x[i] / width);
    if (here !== column) {
      for (const index of extremes) keep.add(index);
      column = here;
      extremes = new Array(2 * curves.length).fill(i);
    }
    curves.forEach((curve, c) => {
      if (curve[i] < curve[extremes[2 * c]]) extremes[2 * c] = i;
      if (curve[i] > curve[extremes[2 * c + 1]]) extremes[2 * c + 1] = i;
    });
    if (i > start && (weight[i] > 0) !== (weight[i - 1] > 0)) keep.add(i - 1).add(i);
  }
  for (const index of extremes) keep.add(index);
  return [...keep].sort((a, b) => a - b);
}

// The range of an intensity axis in its own scale, and the lowest and highest intensity shown.
function intensityRange(curves, scale) {
  let low = Infinity, high = -Infinity;
  for (const curve of curves) {
    for (const value of curve) {
      if (value === null || (scale === "log" && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!(low <= high)) [low, high] = scale === "log" ? [1, 10] : [0, 1];
  if (scale === "log") return [[Math.log10(0.9 * low), Math.log10(1.3 * high)], low, high];
  if (low >= 0 && low < 0.5 * high) low = 0;
  const span = high - low || Math.abs(high) || 1;
  low -= low === 0 ? 0 : 0.04 * span;
  high += (scale === "sqrt" ? 0.08 : 0.04) * span;
  return [scale === "sqrt" ? [root(low), root(high)] : [low, high], low, high];
}

function intensityAxis(domain, range, scale, pixels) {
  const found = axis({ domain, range, type: scale === "log" ? "log" : "linear", separatethousands: true, exponentformat: "none" });
  if (scale === "log") Object.assign(found, { dtick: range[1] - range[0] > 1.2 ? 1 : "D2" });
  if (scale === "sqrt") {
    const ticks = rootTicks(range[0], range[1], pixels);
    Object.assign(found, { tickmode: "array", tickvals: ticks.map(root), ticktext: ticks.map(tickText) });
  }
  return found;
}

// Add the differences of observed and calculated intensities to a fit, as counts and over their sigma.
function addDifferences(fit) {
  const counts = (i) => fit.weight[i] > 0;
  fit.difference = fit.x.map((_, i) => (counts(i) ? fit.observed[i] - fit.calculated[i] : null));
  fit.deviation = fit.x.map((_, i) => (counts(i) ? fit.difference[i] * Math.sqrt(fit.weight[i]) : null));
}

// A trace of reflection ticks in one row below the pattern.
function reflectionTicks(mark, row, name, shade, size, extra) {
  return {
    type: "scatter", mode: "markers", name, x: mark.x, y: mark.x.map(() => -row), yaxis: "y2",
    text: mark.x.map((angle, i) => `${name} ${plain(mark.hkl[i])}, ${angle.toFixed(3)}°, d ${mark.d[i]} Å`),
    marker: { symbol: "line-ns", size, color: shade, line: { width: 1.2, color: shade } },
    hovertemplate: "%{text}<extra></extra>", ...extra,
  };
}

// A function that returns the domain of the next panel from the top, of so many pixels, in a figure of `inner` pixels.
function panelStack(inner, gap) {
  let top = inner;
  return (pixels) => {
    const domain = [Math.max(0, (top - pixels) / inner), top / inner];
    top -= pixels + gap;
    return domain;
  };
}

// `whole` is the range of the pattern, `panels` are the y axes whose range the reader can set by dragging.
class Zoomed {
  constructor(holder, whole, panels) {
    this.holder = holder;
    this.needs = "plotly";
    this.plot = holder.querySelector(".plot");
    this.whole = whole;
    this.panels = panels;
    this.scale = "linear";
    this.least = 460;   // pixels of height
    this.reset();
  }

  reset() {
    this.view = [...this.whole];
    this.chosen = {};   // ranges set by the reader, by axis; other axes fit the points in view
  }

  start() {
    makeLive(this, stillHeight(this, this.least));
    this.draw();
    this.plot.on("plotly_relayout", (event) => this.moved(event));
    this.plot.on("plotly_doubleclick", () => { this.reset(); this.draw(); return false; });
    for (const input of this.holder.querySelectorAll("input[data-choice]")) {
      input.addEventListener("change", () => { this[input.dataset.choice] = input.value; this.chosen = {}; this.draw(); });
    }
    connectMoves(this, { ArrowLeft: "left", ArrowRight: "right" });
  }

  move(how) {
    let [low, high] = this.view;
    const span = high - low;
    if (how === "whole") { this.reset(); this.draw(); return; }
    if (how === "in") { low += 0.2 * span; high -= 0.2 * span; }
    if (how === "out") { low -= span / 3; high += span / 3; }
    if (how === "left") { low -= 0.3 * span; high -= 0.3 * span; }
    if (how === "right") { low += 0.3 * span; high += 0.3 * span; }
    const width = Math.min(high - low, this.whole[1] - this.whole[0]);
    low = Math.min(Math.max(low, this.whole[0]), this.whole[1] - width);
    this.view = [low, low + width];
    this.chosen = {};
    this.draw();
  }

  moved(event) {
    if (this.drawing) return;
    const keys = Object.keys(event);
    if (!keys.some((key) => /^[xy]axis\d*\.(range|autorange)/.test(key))) return;
    const layout = this.plot.layout;
    if (keys.some((key) => key.startsWith("xaxis."))) {
      const [low, high] = layout.xaxis.range;
      this.view = high > low ? [low, high] : [...this.whole];
      this.chosen = {};
    }
    for (const name of this.panels) {
      if (keys.some((key) => key.startsWith(name + ".range"))) this.chosen[name] = [...layout[name].range];
      if (keys.includes(name + ".autorange")) delete this.chosen[name];
    }
    this.draw();
  }

  // The 2theta axis, below the panel `anchor`.
  angles(anchor) {
    return axis({
      anchor, range: this.view, title: { text: "2θ (°)", standoff: 6 }, unifiedhovertitle: { text: "2θ %{x:.3f}°" },
      nticks: Math.max(4, Math.round(this.plot.clientWidth / 80)), tickangle: 0, spikethickness: 1, spikedash: "solid",
      spikecolor: colour("axis"), minallowed: this.whole[0] - 1, maxallowed: this.whole[1] + 1,
    });
  }

  react(traces, layout, name) {
    this.drawing = true;
    const done = () => { this.drawing = false; };
    return window.Plotly.react(this.plot, traces, layout, options(name)).then(done, done);
  }
}
