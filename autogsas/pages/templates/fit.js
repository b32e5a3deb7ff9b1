// The fit of one histogram: intensity, reflection marks, difference and difference over sigma on one 2theta axis.
class Fit extends Zoomed {
  constructor(holder, data) {
    super(holder, [data.x[0], data.x[data.x.length - 1]], ["yaxis", "yaxis3", "yaxis4"]);
    this.data = data;
    addDifferences(data);
    this.roots = {};
    for (const name of ["observed", "calculated", "background"]) this.roots[name] = data[name].map(root);
    this.phases = [...new Set(data.marks.map((mark) => mark.phase))];
  }

  points() {
    const { data } = this;
    return shownPoints(data.x, this.view, [data.observed, data.calculated, data.difference], data.weight);
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
      const row = this.phases.indexOf(mark.phase);
      list.push(reflectionTicks(mark, row, plain(mark.phase), colour("phase" + (row % 6)), 9));
    }
    return list;
  }

  ranges(mainPixels, lowerPixels) {
    const { data } = this, [start, end] = inView(data.x, this.view);
    const curves = ["observed", "calculated", "background"].map((name) => data[name].slice(start, end));
    const [main, low, high] = intensityRange(curves, this.scale);
    const [bottom, top] = extent(start, end, data.difference);
    let span = 1.06 * (top - bottom) || 1;
    // On a linear scale the difference has the same counts per pixel as the pattern, if it fits.
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
    const take = panelStack(inner, gap);
    const domains = { main: take(main), strip: strip ? take(strip) : [0, 0.001], difference: take(lower), deviation: take(lower) };
    const ranges = this.ranges(main, lower);
    const intensity = intensityAxis(domains.main, ranges.yaxis, this.scale, main);
    const regions = this.data.uncounted.map(([x0, x1], i) => ({
      type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, line: { width: 0 }, fillcolor: colour("shade"), opacity: 0.16,
      layer: "below", name: "not counted", showlegend: i === 0,
    }));
    // All panels share one x axis; plotly.js frames only its own panel, the frames of the others are drawn here.
    const frames = [domains.main, domains.difference].map(([bottom, top]) => border(bottom, top));
    return frame({
      height: this.height, margin, hovermode: "x unified", hoversubplots: "axis", dragmode: this.plot.layout?.dragmode ?? "zoom",
      annotations: [sideways(this.data.intensity, domains.main), sideways("Difference", domains.difference), sideways("Diff./σ", domains.deviation)],
      shapes: [...regions, ...frames],
      xaxis: this.angles("y4"),
      yaxis: intensity,
      yaxis2: axis({ domain: domains.strip, range: [-this.phases.length + 0.4, 0.6], showticklabels: false, showgrid: false, showline: false, fixedrange: true }),
      yaxis3: axis({ domain: domains.difference, range: ranges.yaxis3, nticks: 4, separatethousands: true, exponentformat: "none" }),
      yaxis4: axis({ domain: domains.deviation, range: ranges.yaxis4, nticks: 5 }),
    });
  }

  draw() { return this.react(this.traces(), this.layout(), "fit"); }
}
