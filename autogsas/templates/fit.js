// The fit of one histogram: intensity, reflection marks, difference and difference over sigma on one 2theta axis.
const MANY = 12000;   // more markers than this are thinned to what the screen can show

class Fit {
  constructor(holder, data) {
    this.holder = holder;
    this.needs = "plotly";
    this.plot = holder.querySelector(".plot");
    this.data = data;
    this.scale = "linear";
    this.whole = [data.x[0], data.x[data.x.length - 1]];
    data.difference = data.x.map((_, i) => (data.weight[i] > 0 ? data.observed[i] - data.calculated[i] : null));
    data.deviation = data.x.map((_, i) => (data.weight[i] > 0 ? data.difference[i] * Math.sqrt(data.weight[i]) : null));
    this.roots = {};
    for (const name of ["observed", "calculated", "background"]) this.roots[name] = data[name].map(root);
    this.phases = [...new Set(data.marks.map((mark) => mark.phase))];
    this.reset();
  }

  reset() {
    this.view = [...this.whole];
    this.chosen = {};   // ranges the reader set by hand, by axis; the others follow what is in view
  }

  start() {
    const height = Math.max(460, Math.round(this.holder.querySelector(".still").getBoundingClientRect().height));
    this.plot.style.height = height + "px";
    this.height = height;
    this.holder.classList.add("live");
    for (const part of this.holder.querySelectorAll("[hidden]")) part.hidden = false;
    this.draw();
    this.plot.on("plotly_relayout", (event) => this.moved(event));
    this.plot.on("plotly_doubleclick", () => { this.reset(); this.draw(); return false; });
    for (const input of this.holder.querySelectorAll("input")) {
      input.addEventListener("change", () => { this.scale = input.value; this.chosen = {}; this.draw(); });
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
    for (const name of ["yaxis", "yaxis3", "yaxis4"]) {
      if (keys.some((key) => key.startsWith(name + ".range"))) this.chosen[name] = [...layout[name].range];
      if (keys.includes(name + ".autorange")) delete this.chosen[name];
    }
    this.draw();
  }

  // First and last point in view, widened on both sides so that a drag finds points there.
  window(margin) {
    const { x } = this.data, [low, high] = this.view, extra = margin * (high - low);
    let start = x.findIndex((value) => value >= low - extra);
    let end = x.length;
    while (end > 0 && x[end - 1] > high + extra) end -= 1;
    if (start < 0) start = x.length;
    return [Math.max(0, start), Math.max(start, end)];
  }

  // In each pixel column the lowest and highest of every curve, and where counting begins and ends.
  points() {
    const [start, end] = this.window(0.5), { data } = this;
    const all = Array.from({ length: end - start }, (_, i) => start + i);
    if (all.length <= MANY) return all;
    const width = (2 * (this.view[1] - this.view[0])) / 1500;
    const keep = new Set([start, end - 1]);
    let column = null, extremes = [];
    for (let i = start; i < end; i += 1) {
      const here = Math.floor(data.x[i] / width);
      if (here !== column) {
        for (const index of extremes) keep.add(index);
        column = here;
        extremes = new Array(6).fill(i);
      }
      [data.observed, data.calculated, data.difference].forEach((curve, c) => {
        if (curve[i] < curve[extremes[2 * c]]) extremes[2 * c] = i;
        if (curve[i] > curve[extremes[2 * c + 1]]) extremes[2 * c + 1] = i;
      });
      if (i > start && (data.weight[i] > 0) !== (data.weight[i - 1] > 0)) keep.add(i - 1).add(i);
    }
    for (const index of extremes) keep.add(index);
    return [...keep].sort((a, b) => a - b);
  }

  traces() {
    const { data } = this, at = this.points(), pick = (column) => at.map((i) => column[i]);
    const shown = this.scale === "sqrt" ? this.roots : data;
    const x = pick(data.x);
    const curve = (name, extra) => ({
      type: "scatter", name, x, y: pick(shown[name]), customdata: pick(data[name]), mode: "lines",
      line: { color: colour(name), width: 1.3 }, hovertemplate: name + " %{customdata:.6~g}<extra></extra>", ...extra,
    });
    const below = (name, column, yaxis, legend) => ({
      type: "scatter", name, x, y: pick(column), mode: "lines", yaxis, showlegend: legend, legendgroup: "difference",
      line: { color: colour("difference"), width: 1 }, hovertemplate: name + " %{y:.4~g}<extra></extra>",
    });
    const list = [
      curve("observed", { mode: "markers", marker: { color: colour("observed"), size: 3.6, line: { width: 0 } } }),
      curve("background", { line: { color: colour("background"), width: 1.5 } }),
      curve("calculated"),
      below("difference", data.difference, "y3", true),
      below("difference/σ", data.deviation, "y4", false),
    ];
    for (const mark of data.marks) {
      const row = this.phases.indexOf(mark.phase), name = plain(mark.phase);
      list.push({
        type: "scatter", name, mode: "markers", x: mark.x, y: mark.x.map(() => -row), yaxis: "y2",
        text: mark.x.map((angle, i) => `${name} ${plain(mark.hkl[i])}, ${angle.toFixed(3)}°, d ${mark.d[i]} Å`),
        marker: { symbol: "line-ns", size: 9, color: colour("phase" + (row % 6)), line: { width: 1.2, color: colour("phase" + (row % 6)) } },
        hovertemplate: "%{text}<extra></extra>",
      });
    }
    return list;
  }

  ranges(mainPixels, lowerPixels) {
    const { data } = this, [start, end] = this.window(0);
    let [low, high] = extent(start, end, data.observed, data.calculated, data.background);
    let main;
    if (this.scale === "log") {
      low = Infinity;
      for (const name of ["observed", "calculated", "background"]) {
        for (let i = start; i < end; i += 1) if (data[name][i] > 0 && data[name][i] < low) low = data[name][i];
      }
      main = high > 0 ? [Math.log10(0.9 * low), Math.log10(1.3 * high)] : [0, 1];
    } else {
      if (low >= 0 && low < 0.5 * high) low = 0;
      const span = high - low || Math.abs(high) || 1;
      low -= low === 0 ? 0 : 0.04 * span;
      high += (this.scale === "sqrt" ? 0.08 : 0.04) * span;
      main = this.scale === "sqrt" ? [root(low), root(high)] : [low, high];
    }
    const [bottom, top] = extent(start, end, data.difference);
    let span = 1.06 * (top - bottom) || 1;
    // On a linear scale the difference has as many counts to the pixel as the pattern, where there is room.
    if (this.scale === "linear") span = Math.max(span, ((high - low) * lowerPixels) / mainPixels);
    const middle = (bottom + top) / 2;
    const reach = 1.05 * Math.max(...extent(start, end, data.deviation).map(Math.abs)) || 1;
    return { yaxis: main, yaxis3: [middle - span / 2, middle + span / 2], yaxis4: [-reach, reach], ...this.chosen };
  }

  layout() {
    const margin = { l: 74, r: 12, t: 44, b: 44 };
    const inner = this.height - margin.t - margin.b, gap = 9;
    const strip = this.phases.length ? 15 * this.phases.length + 4 : 0;
    const lower = Math.round(0.17 * inner);
    const main = inner - 2 * lower - strip - (strip ? 3 : 2) * gap;
    let top = inner;
    const take = (pixels) => { const domain = [Math.max(0, (top - pixels) / inner), top / inner]; top -= pixels + gap; return domain; };
    const domains = { main: take(main), strip: strip ? take(strip) : [0, 0.001], difference: take(lower), deviation: take(lower) };
    const ranges = this.ranges(main, lower);
    const intensity = axis({ domain: domains.main, range: ranges.yaxis, type: this.scale === "log" ? "log" : "linear", separatethousands: true, exponentformat: "none" });
    if (this.scale === "log") Object.assign(intensity, { dtick: ranges.yaxis[1] - ranges.yaxis[0] > 1.2 ? 1 : "D2" });
    if (this.scale === "sqrt") {
      const ticks = rootTicks(ranges.yaxis[0], ranges.yaxis[1], main);
      Object.assign(intensity, { tickmode: "array", tickvals: ticks.map(root), ticktext: ticks.map(tickText) });
    }
    const regions = this.data.uncounted.map(([x0, x1], i) => ({
      type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, line: { width: 0 }, fillcolor: colour("shade"), opacity: 0.16,
      layer: "below", name: "not counted", showlegend: i === 0,
    }));
    // One x axis serves all panels, so plotly.js draws lines only at its own; the other panels get frames here.
    const frames = [domains.main, domains.difference].map(([bottom, top]) => border(bottom, top));
    return frame({
      height: this.height, margin, hovermode: "x unified", hoversubplots: "axis", dragmode: this.plot.layout?.dragmode ?? "zoom",
      annotations: [sideways(this.data.intensity, domains.main), sideways("Difference", domains.difference), sideways("Diff./σ", domains.deviation)],
      shapes: [...regions, ...frames],
      xaxis: axis({ anchor: "y4", range: this.view, title: { text: "2θ (°)", standoff: 6 }, unifiedhovertitle: { text: "2θ %{x:.3f}°" }, nticks: Math.max(4, Math.round(this.plot.clientWidth / 80)), tickangle: 0, spikethickness: 1, spikedash: "solid", spikecolor: colour("axis"), minallowed: this.whole[0] - 1, maxallowed: this.whole[1] + 1 }),
      yaxis: intensity,
      yaxis2: axis({ domain: domains.strip, range: [-this.phases.length + 0.4, 0.6], showticklabels: false, showgrid: false, showline: false, fixedrange: true }),
      yaxis3: axis({ domain: domains.difference, range: ranges.yaxis3, nticks: 4, separatethousands: true, exponentformat: "none" }),
      yaxis4: axis({ domain: domains.deviation, range: ranges.yaxis4, nticks: 5 }),
    });
  }

  draw() {
    this.drawing = true;
    const done = () => { this.drawing = false; };
    return window.Plotly.react(this.plot, this.traces(), this.layout(), options("fit")).then(done, done);
  }
}
