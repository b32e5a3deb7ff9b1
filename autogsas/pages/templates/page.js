// Shared by all pages: compressed data and libraries, colours, and figures that start when they are scrolled into view.
// A page is complete without scripts. autogsas/pages/embed.py joins the files of a page in one function.
const byId = (id) => document.getElementById(id);
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

// plotly.js interprets some HTML in its texts; names from files must be shown unchanged.
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

const libraries = {};

// A library is decompressed and run when the first figure that needs it is near the view.
function library(name) {
  libraries[name] ??= unpack("library-" + name).then((text) => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
  });
  return libraries[name];
}

function reportFailure(what, error) {
  const status = byId("status");
  status.textContent = `${what} in this browser (${error.message}).`;
  status.hidden = false;
}

// Each figure has a `holder`, the name of the library it `needs`, a message if it `fails`, start() and draw().
function show(figures) {
  const waiting = new Map(figures.map((figure) => [figure.holder, figure]));
  const begin = async (figure) => {
    try {
      await library(figure.needs);
      figure.start();
      dark.addEventListener("change", () => figure.draw());
    } catch (error) {
      reportFailure(figure.fails ?? "The pictures cannot be zoomed", error);
    }
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      begin(waiting.get(entry.target));
    }
  }, { rootMargin: "800px" });
  for (const figure of figures) seen.observe(figure.holder);
}

// Replace the still picture of a figure by the interactive one, with a height in pixels.
function makeLive(figure, height) {
  figure.height = height;
  figure.plot.style.height = height + "px";
  figure.holder.classList.add("live");
  for (const part of figure.holder.querySelectorAll("[hidden]")) part.hidden = false;
}

// The height of the still picture in pixels, but at least `least`.
function stillHeight(figure, least) {
  return Math.max(least, Math.round(figure.holder.querySelector(".still").getBoundingClientRect().height));
}

// Call move() of a figure for its buttons, and for `keys`: the names of moves by key.
function connectMoves(figure, keys) {
  for (const button of figure.holder.querySelectorAll("button[data-move]")) {
    button.addEventListener("click", () => figure.move(button.dataset.move));
  }
  const moves = { "+": "in", "=": "in", "-": "out", 0: "whole", ...keys };
  figure.plot.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in moves)) return;
    event.preventDefault();
    figure.move(moves[event.key]);
  });
}

// The browser paints first, then the data are decompressed; `build` makes the figures from them.
function begin(build) {
  requestAnimationFrame(() => setTimeout(async () => {
    try {
      show(build(JSON.parse(await unpack("data"))));
    } catch (error) {
      reportFailure("The pictures cannot be zoomed", error);
    }
  }, 0));
}
