// One pattern with several fits: intensities, reflection ticks, the difference of each, and its cumulative chi^2.
class Overlay extends Zoomed {
  constructor(holder, data, series) {
    const count = data.fits.length, lower = data.fits.map((_, i) => `yaxis${i + 3}`);
    const sums = data.growths.length ? [`yaxis${count + 3}`, `yaxis${count + 4}`] : [];
    super(holder, [data.x[0], data.x[data.x.length - 1]], ["yaxis", ...lower, ...sums]);
    Object.assign(this, { data, series, lower, sums, below: "difference", least: 560 + 95 * count });
    data.weight = data.x.map(() => 1);
    for (const fit of data.fits) {
      fit.x ??= data.x;
      fit.observed ??= data.observed;
      addDifferences(fit);
      fit.phases = [...new Set(fit.marks.map((mark) => mark.phase))];
    }
    for (const growth of data.growths) growth.gap = growth.x.map((_, i) => growth.one[i] - growth.two[i]);
    this.rows = data.fits.flatMap((fit) => fit.phases.map((phase) => ({ fit, phase })));
  }

  look(place) {
    const { letter, label, colour: name } = this.series[place], whole = `${letter} ${label}`;
    return { letter, colour: colour(name), label: plain(whole), short: plain(whole.length > 34 ? whole.slice(0, 33) + "…" : whole) };
  }

  traces() {
    const { data } = this, shown = this.scale === "sqrt" ? root : (value) => value;
    const line = (place, x, y, extra) => ({
      type: "scatter", mode: "lines", x, y, legendgroup: place, showlegend: false,
      line: { color: this.look(place).colour, width: 1.2 }, ...extra,
    });
    const at = shownPoints(data.x, this.view, [data.observed], data.weight), pick = (column, from = at) => from.map((i) => column[i]);
    const observed = pick(data.observed);
    const list = [{
      type: "scatter", mode: "markers", name: "observed", x: pick(data.x), y: observed.map(shown), customdata: observed,
      marker: { color: colour("observed"), size: 3.4 }, hovertemplate: "observed %{customdata:.6~g}<extra></extra>",
    }];
    data.fits.forEach((fit, i) => {
      const place = fit.series, { letter, short } = this.look(place), name = letter;
      const here = shownPoints(fit.x, this.view, [fit.calculated, fit.difference], fit.weight), x = pick(fit.x, here);
      const calculated = pick(fit.calculated, here), background = pick(fit.background, here);
      list.push(
        line(place, x, background.map(shown), { name: `${letter} background`, hoverinfo: "skip", line: { color: this.look(place).colour, width: 0.8 } }),
        line(place, x, calculated.map(shown), { name: short, showlegend: true, customdata: calculated, hovertemplate: `${letter} calculated %{customdata:.6~g}<extra></extra>` }),
        line(place, x, pick(fit[this.below], here), { name: `${name} difference`, yaxis: this.lower[i].replace("axis", ""), hovertemplate: `${letter} ${this.below === "deviation" ? "difference/σ" : "difference"} %{y:.4~g}<extra></extra>` }),
      );
    });
    this.rows.forEach(({ fit, phase }, row) => {
      const { letter, colour: shade } = this.look(fit.series), name = plain(phase);
      for (const mark of fit.marks) {
        if (mark.phase !== phase) continue;
        list.push(reflectionTicks(mark, row, `${letter} ${name}`, shade, 7.5, { legendgroup: fit.series, showlegend: false }));
      }
    });
    const [sum, gap] = this.sums.map((panel) => panel.replace("axis", ""));
    data.growths.forEach((growth, i) => {
      const { letter } = this.look(growth.series), first = data.growths.length > 1 ? `A χ² (with ${letter})` : "A χ²";
      const known = data.growths.slice(0, i).some((other) => other.x.length === growth.x.length && other.one[other.one.length - 1] === growth.one[growth.one.length - 1]);
      const words = (name) => `${name} %{y:.5~g}<extra></extra>`;
      if (!known) list.push(line(0, growth.x, growth.one, { name: first, yaxis: sum, hovertemplate: words(first) }));
      list.push(
        line(growth.series, growth.x, growth.two, { name: `${letter} χ²`, yaxis: sum, hovertemplate: words(`${letter} χ²`), line: { color: this.look(growth.series).colour, width: 1.4, dash: "dash" } }),
        line(growth.series, growth.x, growth.gap, { name: this.series[growth.series].versus, yaxis: gap, hovertemplate: words(`χ² ${this.series[growth.series].versus}`) }),
      );
    });
    return list;
  }

  // The part in view of columns, each with its own x values.
  inside(parts) {
    return parts.map(([x, column]) => column.slice(...inView(x, this.view)));
  }

  reach(parts, pad = 0.04) {
    const ends = this.inside(parts).filter((part) => part.some((value) => value !== null)).map((part) => extent(0, part.length, part));
    if (!ends.length) return [-1, 1];
    const low = Math.min(...ends.map(([least]) => least)), high = Math.max(...ends.map(([, most]) => most));
    const extra = pad * (high - low || Math.abs(high) || 1);
    return [low - extra, high + extra];
  }

  ranges() {
    const { data } = this;
    const curves = [[data.x, data.observed], ...data.fits.flatMap((fit) => [[fit.x, fit.calculated], [fit.x, fit.background]])];
    const [main] = intensityRange(this.inside(curves), this.scale);
    const below = this.reach(data.fits.map((fit) => [fit.x, fit[this.below]]));
    const found = { yaxis: main };
    for (const panel of this.lower) found[panel] = below;
    if (this.sums.length) {
      found[this.sums[0]] = this.reach(data.growths.flatMap((growth) => [[growth.x, growth.one], [growth.x, growth.two]]));
      found[this.sums[1]] = this.reach(data.growths.map((growth) => [growth.x, growth.gap]), 0.08);
    }
    // All differences have the same scale: that of the panel set by the reader.
    const set = this.lower.find((panel) => panel in this.chosen);
    if (set) for (const panel of this.lower) found[panel] = this.chosen[set];
    return { ...found, ...this.chosen, ...(set ? Object.fromEntries(this.lower.map((panel) => [panel, this.chosen[set]])) : {}) };
  }

  layout() {
    const { data } = this, margin = { l: 74, r: 12, t: 44, b: 44 };
    const inner = this.height - margin.t - margin.b, gap = 9, lower = Math.round(0.1 * inner), growth = Math.round(0.14 * inner);
    const strip = this.rows.length ? 13 * this.rows.length + 4 : 0;
    const main = inner - this.lower.length * (lower + gap) - (strip ? strip + gap : 0) - (this.sums.length ? growth + lower + 2 * gap : 0);
    const take = panelStack(inner, gap);
    const first = take(main), marks = strip ? take(strip) : [0, 0.001];
    const ranges = this.ranges(), panels = {}, titles = [sideways("Intensity", first)], borders = [border(...first)];
    const add = (name, domain, title) => {
      panels[name] = axis({ domain, range: ranges[name], nticks: 4, separatethousands: true, exponentformat: "none", zeroline: true, zerolinecolor: colour("axis"), zerolinewidth: 0.6 });
      titles.push(sideways(title, domain));
      borders.push(border(...domain));
    };
    const over = this.below === "deviation" ? "/σ" : "";
    data.fits.forEach((fit, i) => add(this.lower[i], take(lower), `Diff.${over} ${this.look(fit.series).letter}`));
    if (this.sums.length) {
      add(this.sums[0], take(growth), "Sum of χ²");
      add(this.sums[1], take(lower), data.growths.length > 1 ? "A − others" : this.series[data.growths[0].series].versus);
    }
    const regions = data.fits.flatMap((fit, i) => fit.uncounted.map(([x0, x1]) => ({
      type: "rect", xref: "x", yref: `${this.lower[i].replace("axis", "")} domain`, x0, x1, y0: 0, y1: 1, line: { width: 0 }, fillcolor: colour("shade"), opacity: 0.2, layer: "below",
    })));
    const last = [...this.lower, ...this.sums].pop().replace("axis", "");
    return frame({
      height: this.height, margin, hovermode: "x unified", hoversubplots: "axis", dragmode: this.plot.layout?.dragmode ?? "zoom",
      annotations: titles, shapes: [...regions, ...borders],
      xaxis: this.angles(last),
      yaxis: intensityAxis(first, ranges.yaxis, this.scale, main),
      yaxis2: axis({
        domain: marks, range: [-this.rows.length + 0.4, 0.6], showgrid: false, showline: false, fixedrange: true,
        tickmode: "array", tickvals: this.rows.map((_, i) => -i), ticktext: this.rows.map(({ fit }) => this.look(fit.series).letter), tickfont: { size: 11, color: colour("muted") },
      }),
      ...panels,
    });
  }

  draw() { return this.react(this.traces(), this.layout(), "patterns"); }
}
