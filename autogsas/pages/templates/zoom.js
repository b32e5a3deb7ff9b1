// A pattern with panels on one 2theta axis, which is moved and zoomed by dragging, buttons and keys.
const MANY = 12000;   // more markers than this are thinned to what the screen can show

// First and last point in view, widened on both sides by a share of the view.
function inView(x, [low, high], margin = 0) {
  const extra = margin * (high - low);
  let start = x.findIndex((value) => value >= low - extra);
  let end = x.length;
  while (end > 0 && x[end - 1] > high + extra) end -= 1;
  if (start < 0) start = x.length;
  return [Math.max(0, start), Math.max(start, end)];
}

// The points to draw, and some beyond the view so that a drag finds them there. Of too many, in each pixel column the
// lowest and highest of every curve, and where counting begins and ends.
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

// The range of an intensity axis on its scale, and the lowest and highest intensity shown.
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

// `whole` is the pattern's range, `panels` names the y axes whose range a reader may set by hand.
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
    this.chosen = {};   // ranges the reader set by hand, by axis; the others follow what is in view
  }

  start() {
    const height = Math.max(this.least, Math.round(this.holder.querySelector(".still").getBoundingClientRect().height));
    this.plot.style.height = height + "px";
    this.height = height;
    this.holder.classList.add("live");
    for (const part of this.holder.querySelectorAll("[hidden]")) part.hidden = false;
    this.draw();
    this.plot.on("plotly_relayout", (event) => this.moved(event));
    this.plot.on("plotly_doubleclick", () => { this.reset(); this.draw(); return false; });
    for (const input of this.holder.querySelectorAll("input[data-choice]")) {
      input.addEventListener("change", () => { this[input.dataset.choice] = input.value; this.chosen = {}; this.draw(); });
    }
    for (const button of this.holder.querySelectorAll("button[data-move]")) {
      button.addEventListener("click", () => this.move(button.dataset.move));
    }
    const keys = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", 0: "whole" };
    this.plot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
      event.preventDefault();
      this.move(keys[event.key]);
    });
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

  // The 2theta axis, drawn below the panel `anchor`.
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
