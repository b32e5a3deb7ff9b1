// Rwp of every trial and the best so far.
class History {
  constructor(holder, trials, range, hands) {
    this.holder = holder;
    this.needs = "plotly";
    this.plot = holder.querySelector(".plot");
    this.trials = trials;
    this.range = range;
    this.hands = hands;   // refinements made by hand: dashed lines
  }

  start() {
    makeLive(this, stillHeight(this, 320));
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
      + (trial.variables === null ? "" : `, ${trial.variables} variables`) + (trial.origin ? `, seed: ${plain(trial.origin)}` : "");
    const trace = (name, list, y, extra) => ({
      type: "scatter", mode: "markers", name, x: list.map((trial) => trial.number), y: list.map(y),
      text: list.map(words), hovertemplate: "%{text}<extra></extra>", ...extra,
    });
    const seeded = trials.filter((trial) => trial.origin);
    const inside = (trial) => trial.rwp !== null && trial.rwp <= high;
    const row = (trial) => -rows.findIndex(([, list]) => list.includes(trial));
    const ring = { symbol: "circle-open", size: 15, color: colour("axis"), line: { width: 1.3 } };
    // A trace without points would remove its axis.
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
      list.push(trace("seed recipe", seeded.filter(inside), (trial) => trial.rwp, { marker: ring, hoverinfo: "skip", hovertemplate: null, legendgroup: "given", showlegend: true }));
      if (!seeded.every(inside)) list.push(trace("seed recipe", seeded.filter((trial) => !inside(trial)), row, { marker: ring, hoverinfo: "skip", hovertemplate: null, yaxis: "y2", legendgroup: "given", showlegend: false }));
    }
    const margin = { l: 74, r: 12, t: 40, b: 44 };
    const inner = this.height - margin.t - margin.b, share = (20 * rows.length) / inner, pad = Math.max(0.6, 0.015 * last);
    const values = [...trials.filter((trial) => trial.rwp !== null), ...this.hands].map((item) => item.rwp);
    const all = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
    const range = this.range ?? [all[0] - 0.04 * (all[1] - all[0]), all[1] + 0.04 * (all[1] - all[0])];
    // Labels of lines that nearly coincide stand above each other.
    const pixels = ((1 - share) * inner) / (range[1] - range[0]), taken = [];
    const hands = this.hands.map((hand) => {
      let lift = 0;
      while (taken.some((other) => Math.abs(other - (hand.rwp * pixels + lift)) < 14)) lift += 14;
      taken.push(hand.rwp * pixels + lift);
      return { ...hand, lift };
    }).filter((hand) => hand.rwp >= range[0] && hand.rwp <= range[1]);
    // Only whole numbers: numbers of trials.
    const trialTicks = roundTicks(0, Math.max(last, 1), Math.max(4, Math.round(this.plot.clientWidth / 80))).filter(Number.isInteger);
    window.Plotly.react(this.plot, list, frame({
      height: this.height, margin, hovermode: "closest", dragmode: "zoom", shapes: [border(0, 1), ...hands.map(({ rwp: y }) => ({ type: "line", xref: "paper", x0: 0, x1: 1, yref: "y", y0: y, y1: y, layer: "below", line: { color: colour("hand"), width: 1.6, dash: "dash" } }))],
      annotations: [sideways("Rwp (%)", [0, 1 - share]), ...hands.map(({ rwp: y, label, lift }) => ({
        text: `${plain(label)}: ${y.toFixed(2)} %`, showarrow: false, xref: "paper", x: 1, xanchor: "right", xshift: -4, yref: "y", y,
        yanchor: "bottom", yshift: lift, font: { color: colour("hand"), size: 12 },
      }))],
      xaxis: axis({ anchor: "y", title: { text: "Trial", standoff: 6 }, range: [-pad, last + pad], tickmode: "array", tickvals: trialTicks, tickangle: 0 }),
      yaxis: axis({ domain: [0, 1 - share], range }),
      // An axis without traces has no scale; plotly.js would draw its frame at NaN.
      ...(rows.length ? { yaxis2: axis({ domain: [1 - share, 1], range: [-rows.length + 0.5, 0.5], fixedrange: true, showgrid: false, tickmode: "array", tickvals: rows.map((_, i) => -i), ticktext: rows.map(([name]) => name) }) } : {}),
    }), options("history"));
  }
}
