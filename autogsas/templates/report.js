"use strict";
// Turns the still pictures of the page into ones that can be zoomed. The page is complete without this script.
(() => {
  const MANY = 12000;   // more markers than this are thinned to what the screen can show
  const byId = (id) => document.getElementById(id);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  }

  // plotly.js reads a little HTML in its texts; names from files are to be shown as they are.
  function plain(text) {
    return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\s+/g, " ");
  }

  async function unpack(id) {
    const raw = atob(byId(id).textContent.trim());
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  function extent(start, end, ...columns) {
    let low = Infinity, high = -Infinity;
    for (const column of columns) {
      for (let i = start; i < end; i += 1) {
        const value = column[i];
        if (value !== null && value < low) low = value;
        if (value !== null && value > high) high = value;
      }
    }
    return low <= high ? [low, high] : [0, 1];
  }

  function roundTicks(low, high, room) {
    const raw = (high - low) / room;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= 0.75 * raw);
    const ticks = [];
    for (let n = Math.ceil(low / step - 1e-9); n <= Math.floor(high / step + 1e-9); n += 1) ticks.push(Number((n * step).toPrecision(12)));
    return ticks;
  }

  const root = (value) => (value === null ? null : Math.sign(value) * Math.sqrt(Math.abs(value)));
  const square = (value) => Math.sign(value) * value * value;

  // Round intensities for an axis of square roots; places are roots, `height` is in pixels.
  function rootTicks(low, high, height) {
    const bottom = square(low), top = square(high);
    if (bottom > 0 && top < 5 * bottom) return roundTicks(bottom, top, Math.max(2, height / 45));
    const place = (value) => ((root(value) - low) / (high - low)) * height;
    const chosen = [];
    const leading = Math.floor(Math.log10(Math.max(Math.abs(bottom), Math.abs(top)) || 1));
    const steps = [];
    for (let power = leading; power > leading - 8; power -= 1) for (const digit of [5, 2, 1]) steps.push(digit * 10 ** power);
    for (const value of [0, ...steps, ...steps.map((step) => -step)]) {
      if (value >= bottom && value <= top && chosen.every((other) => Math.abs(place(other) - place(value)) >= 28)) chosen.push(value);
    }
    return chosen;
  }

  function tickText(tick) {
    const [whole, decimals] = String(Math.abs(tick)).split(".");
    const set = whole.length > 3 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") : whole;
    return (tick < 0 ? "−" : "") + set + (decimals ? "." + decimals : "");
  }

  function axis(extra) {
    return {
      gridcolor: colour("grid"), linecolor: colour("axis"), zeroline: false, mirror: true, showline: true,
      tickfont: { color: colour("muted"), size: 12 }, fixedrange: false, automargin: false, ...extra,
    };
  }

  // Axis titles in one line, however wide the labels of each panel are.
  function sideways(text, [bottom, top]) {
    return {
      text, textangle: -90, showarrow: false, xref: "paper", x: 0, xshift: -62, xanchor: "center", yref: "paper",
      y: (bottom + top) / 2, yanchor: "middle", font: { size: 13 },
    };
  }

  function border(y0, y1) {
    return { type: "rect", xref: "paper", yref: "paper", x0: 0, x1: 1, y0, y1, line: { width: 1, color: colour("axis") } };
  }

  function frame(extra) {
    return {
      paper_bgcolor: colour("paper"), plot_bgcolor: colour("paper"),
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("ink") },
      hoverlabel: { bgcolor: colour("paper"), bordercolor: colour("axis"), font: { color: colour("ink"), size: 12 } },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.01, yanchor: "bottom", font: { color: colour("muted") } },
      modebar: { color: colour("muted"), activecolor: colour("ink"), bgcolor: "rgba(0,0,0,0)" },
      separators: ".\u202f", ...extra,
    };
  }

  const options = (name) => ({
    responsive: true, displaylogo: false, doubleClick: false, displayModeBar: true,
    modeBarButtons: [["zoom2d", "pan2d", "toImage"]],
    toImageButtonOptions: { format: "svg", filename: name },
  });

  class Fit {
    constructor(holder, data) {
      this.holder = holder;
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

  class History {
    constructor(holder, trials, range) {
      this.holder = holder;
      this.plot = holder.querySelector(".plot");
      this.trials = trials;
      this.range = range;
    }

    start() {
      this.height = Math.max(320, Math.round(this.holder.querySelector(".still").getBoundingClientRect().height));
      this.plot.style.height = this.height + "px";
      this.holder.classList.add("live");
      this.plot.hidden = false;
      this.draw();
      this.plot.on("plotly_doubleclick", () => { this.range = this.range === null ? this.first : null; this.draw(); return false; });
    }

    draw() {
      const { trials } = this, high = this.range ? this.range[1] : Infinity;
      this.first ??= this.range;
      const failed = trials.filter((trial) => trial.rwp === null && trial.state === "failed");
      const pruned = trials.filter((trial) => trial.rwp === null && trial.state !== "failed");
      const above = trials.filter((trial) => trial.rwp !== null && trial.rwp > high);
      const rows = [["failed", failed], ["pruned", pruned], ["above", above]].filter(([, list]) => list.length);
      const look = {
        complete: { symbol: "circle", size: 8 }, infeasible: { symbol: "square-open", size: 8, line: { width: 1.6 } },
        pruned: { symbol: "line-ew-open", size: 9, line: { width: 2.4 } }, failed: { symbol: "x-thin-open", size: 8, line: { width: 2 } },
      };
      const words = (trial) => `trial ${trial.number}: ${trial.rwp === null ? trial.state : `Rwp ${trial.rwp.toFixed(3)} %, ${trial.state}`}`
        + (trial.variables === null ? "" : `, ${trial.variables} variables`) + (trial.origin ? `, given: ${plain(trial.origin)}` : "");
      const trace = (name, list, y, extra) => ({
        type: "scatter", mode: "markers", name, x: list.map((trial) => trial.number), y: list.map(y),
        text: list.map(words), hovertemplate: "%{text}<extra></extra>", ...extra,
      });
      const seeded = trials.filter((trial) => trial.origin);
      const inside = (trial) => trial.rwp !== null && trial.rwp <= high;
      const row = (trial) => -rows.findIndex(([, list]) => list.includes(trial));
      const ring = { symbol: "circle-open", size: 15, color: colour("axis"), line: { width: 1.3 } };
      // A trace without points would take its axis with it.
      const found = trials.filter((trial) => trial.best !== null);
      const best = found.length ? found : [{ number: 0, best: null }];
      const last = trials.length ? trials[trials.length - 1].number : 0;
      const list = [{
        type: "scatter", mode: "lines", name: "best so far", x: best.map((trial) => trial.number), y: best.map((trial) => trial.best),
        line: { color: colour("best"), width: 2, shape: "hv" }, hoverinfo: "skip",
      }];
      for (const state of Object.keys(look)) {
        const marker = { ...look[state], color: colour(state) };
        const these = trials.filter((trial) => trial.state === state && inside(trial));
        if (these.length) list.push(trace(state === "complete" ? "usable" : state, these, (trial) => trial.rwp, { marker, legendgroup: state }));
        const strip = trials.filter((trial) => trial.state === state && !inside(trial));
        const symbols = strip.map((trial) => (trial.rwp === null ? marker.symbol : "triangle-up-open"));
        if (strip.length) list.push(trace(state === "complete" ? "usable" : state, strip, row, { marker: { ...marker, symbol: symbols }, yaxis: "y2", legendgroup: state, showlegend: !these.length }));
      }
      if (seeded.length) {
        list.push(trace("given, not searched", seeded.filter(inside), (trial) => trial.rwp, { marker: ring, hoverinfo: "skip", hovertemplate: null, legendgroup: "given", showlegend: true }));
        list.push(trace("given, not searched", seeded.filter((trial) => !inside(trial)), row, { marker: ring, hoverinfo: "skip", hovertemplate: null, yaxis: "y2", legendgroup: "given", showlegend: false }));
      }
      const margin = { l: 74, r: 12, t: 40, b: 44 };
      const inner = this.height - margin.t - margin.b, share = (20 * rows.length) / inner, pad = Math.max(0.6, 0.015 * last);
      const values = trials.filter((trial) => trial.rwp !== null).map((trial) => trial.rwp);
      const all = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
      const range = this.range ?? [all[0] - 0.04 * (all[1] - all[0]), all[1] + 0.04 * (all[1] - all[0])];
      window.Plotly.react(this.plot, list, frame({
        height: this.height, margin, hovermode: "closest", dragmode: "zoom", shapes: [border(0, 1)], annotations: [sideways("Rwp (%)", [0, 1 - share])],
        xaxis: axis({ anchor: "y", title: { text: "Trial", standoff: 6 }, range: [-pad, last + pad], nticks: Math.max(4, Math.round(this.plot.clientWidth / 80)), tickangle: 0, tickformat: "d" }),
        yaxis: axis({ domain: [0, 1 - share], range }),
        yaxis2: axis({ domain: [rows.length ? 1 - share : 0.999, 1], range: [-rows.length + 0.5, 0.5], fixedrange: true, showgrid: false, tickmode: "array", tickvals: rows.map((_, i) => -i), ticktext: rows.map(([name]) => name) }),
      }), options("history"));
    }
  }

  async function begin() {
    const status = byId("status");
    try {
      const [data, library] = await Promise.all([unpack("data"), unpack("library")]);
      const script = document.createElement("script");
      script.textContent = library;
      document.head.append(script);
      const content = JSON.parse(data), figures = [];
      content.fits.forEach((fit, i) => figures.push(new Fit(byId("fit-" + i), fit)));
      if (content.history.length) figures.push(new History(byId("history"), content.history, content.window));
      const waiting = new Map(figures.map((figure) => [figure.holder, figure]));
      const seen = new IntersectionObserver((entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          seen.unobserve(entry.target);
          waiting.get(entry.target).start();
          waiting.delete(entry.target);
        }
      }, { rootMargin: "800px" });
      for (const figure of figures) seen.observe(figure.holder);
      dark.addEventListener("change", () => figures.forEach((figure) => waiting.has(figure.holder) || figure.draw()));
    } catch (error) {
      status.textContent = `The pictures cannot be zoomed in this browser (${error.message}).`;
      status.hidden = false;
    }
  }

  requestAnimationFrame(() => setTimeout(begin, 0));
})();
