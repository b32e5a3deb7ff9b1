// Differences of parameters in esds: a row for each parameter, a dot with a bar of one esd for each difference.
class Forest {
  constructor(holder, data, series) {
    Object.assign(this, { holder, data, series, needs: "plotly", plot: holder.querySelector(".plot") });
    this.range = [-data.reach, data.reach];
    this.rows = [];
    let heading = null;
    for (const line of data.lines) {
      if (line.heading !== heading) this.rows.push({ title: heading = line.heading });
      this.rows.push(line);
    }
    this.shown = [...new Set(data.lines.flatMap((line) => line.dots.map((dot) => dot.series)))].sort((a, b) => a - b);
  }

  start() {
    makeLive(this, 20 * this.rows.length + 96);
    this.draw();
    this.plot.on("plotly_relayout", (event) => {
      if (this.drawing || !("xaxis.range[0]" in event || "xaxis.range" in event)) return;
      this.range = [...this.plot.layout.xaxis.range];
      this.draw();
    });
    this.plot.on("plotly_doubleclick", () => { this.range = [-this.data.reach, this.data.reach]; this.draw(); return false; });
  }

  dots() {
    const apart = Math.min(0.3, 0.6 / Math.max(1, this.shown.length - 1));
    return this.rows.flatMap((row, i) => (row.dots ?? []).map((dot) => ({
      ...dot, y: -i - apart * (this.shown.indexOf(dot.series) - (this.shown.length - 1) / 2),
    })));
  }

  draw() {
    const [low, high] = this.range, dots = this.dots(), narrow = this.plot.clientWidth < 600;
    const list = [], outside = [];
    for (const place of this.shown) {
      const { colour: name, symbol, versus } = this.series[place], shade = colour(name);
      const mine = dots.filter((dot) => dot.series === place);
      const inside = mine.filter((dot) => dot.esds >= low && dot.esds <= high);
      const far = mine.filter((dot) => dot.esds < low || dot.esds > high);
      const part = (these, x, extra) => ({
        type: "scatter", mode: "markers", x, y: these.map((dot) => dot.y), text: these.map((dot) => plain(dot.words)), legendgroup: place,
        hovertemplate: "%{text}<extra></extra>", ...extra,
      });
      list.push(part(inside, inside.map((dot) => dot.esds), {
        name: `${versus}, ±1 esd`, marker: { color: shade, symbol, size: 8 }, error_x: { type: "constant", value: 1, color: shade, thickness: 1.5, width: 0 },
      }));
      const edge = (dot, inset) => (dot.esds > high ? high - inset * (high - low) : low + inset * (high - low));
      list.push(part(far, far.map((dot) => edge(dot, 0.012)), {
        name: `${versus}, outside`, showlegend: far.length > 0 && inside.length === 0, marker: { color: shade, size: 9, symbol: far.map((dot) => (dot.esds > high ? "triangle-right" : "triangle-left")) },
      }));
      for (const dot of far) outside.push({ x: edge(dot, 0.03), y: dot.y, text: tickText(Math.round(dot.esds)), xanchor: dot.esds > high ? "right" : "left" });
    }
    const width = narrow ? 105 : 180, most = narrow ? 15 : 28;
    const short = (text, length) => plain(text.length > length ? text.slice(0, length - 1) + "…" : text);
    const headings = this.rows.map((row, i) => ({ row, i })).filter(({ row }) => row.title !== undefined).map(({ row, i }) => ({
      xref: "paper", x: 0, xshift: -width + 4, xanchor: "left", y: -i, text: `<b>${short(row.title, narrow ? 45 : 90)}</b>`, font: { size: 12.5, color: colour("ink") }, bgcolor: colour("paper"), borderpad: 1,
    }));
    const rows = this.rows.map((row, i) => ({ row, i })).filter(({ row }) => row.title === undefined);
    const bottom = -this.rows.length + 0.4;
    this.drawing = true;
    const done = () => { this.drawing = false; };
    return window.Plotly.react(this.plot, list, frame({
      height: this.height, margin: { l: width, r: 12, t: 44, b: 48 }, hovermode: "closest", showlegend: true, dragmode: this.plot.layout?.dragmode ?? "zoom",
      annotations: [...headings, ...outside.map((note) => ({ ...note, font: { size: 11, color: colour("muted") } }))].map((note) => ({ ...note, showarrow: false, yanchor: "middle" })),
      shapes: [
        { type: "rect", x0: -3, x1: 3, yref: "paper", y0: 0, y1: 1, line: { width: 0 }, fillcolor: colour("shade"), opacity: 0.16, layer: "below" },
        border(0, 1),
      ],
      xaxis: axis({ range: this.range, title: { text: "Difference in esds of both", standoff: 6 }, zeroline: true, zerolinecolor: colour("axis"), zerolinewidth: 1.4, nticks: narrow ? 6 : 12, tickangle: 0 }),
      yaxis: axis({ range: [bottom, 0.6], fixedrange: true, showgrid: false, tickmode: "array", tickvals: rows.map(({ i }) => -i), ticktext: rows.map(({ row }) => short(row.name, most)) }),
    }), options("differences")).then(done, done);
  }
}
