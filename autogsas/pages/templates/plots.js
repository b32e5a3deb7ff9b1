// Axes, frames and ticks of all plotly.js figures.
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

// Round intensities for a square-root axis; `low` and `high` are roots, `height` is in pixels.
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

// A vertical axis title, at the same x for all panels.
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
