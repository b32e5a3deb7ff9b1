// What every page needs: its packed data and libraries, its colours, and figures that start when they come into sight.
// A page is complete without scripts; its files are put together in one function by autogsas/report/embed.py.
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

const libraries = {};

// A library is unpacked and run when the first figure that needs it comes near.
function library(name) {
  libraries[name] ??= unpack("library-" + name).then((text) => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
  });
  return libraries[name];
}

function complain(what, error) {
  const status = byId("status");
  status.textContent = `${what} in this browser (${error.message}).`;
  status.hidden = false;
}

// Each figure has a `holder`, the name of the library it `needs`, what to say if it `fails`, start() and draw().
function show(figures) {
  const waiting = new Map(figures.map((figure) => [figure.holder, figure]));
  const begin = async (figure) => {
    try {
      await library(figure.needs);
      figure.start();
      dark.addEventListener("change", () => figure.draw());
    } catch (error) {
      complain(figure.fails ?? "The pictures cannot be zoomed", error);
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

// Paint first, then unpack; `build` makes figures of the page's data.
function begin(build) {
  requestAnimationFrame(() => setTimeout(async () => {
    try {
      show(build(JSON.parse(await unpack("data"))));
    } catch (error) {
      complain("The pictures cannot be zoomed", error);
    }
  }, 0));
}
