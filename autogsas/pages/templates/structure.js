// A unit cell that can be turned, drawn by 3Dmol.js (WebGL) from the same places as the still picture.
const BOND = 0.075;   // Angstrom, radius of a bond
const SLICES = 36;    // of a sphere that several elements share, around it and twice those from pole to pole

class Structure {
  constructor(holder, data) {
    this.holder = holder;
    this.needs = "3dmol";
    this.fails = "The structure cannot be turned";
    this.plot = holder.querySelector(".plot");
    this.said = holder.querySelector(".said");
    this.data = data;
  }

  start() {
    const probe = document.createElement("canvas");
    if (!probe.getContext("webgl2") && !probe.getContext("webgl")) throw new Error("it has no WebGL");
    const box = this.holder.querySelector(".still").getBoundingClientRect();
    this.plot.style.height = Math.max(300, Math.round(box.height)) + "px";
    this.holder.classList.add("live");
    for (const part of this.holder.querySelectorAll("[hidden]")) part.hidden = false;
    try {
      this.viewer = window.$3Dmol.createViewer(this.plot, {
        antialias: true, orthographic: true, disableFog: true, hoverDuration: 80, backgroundColor: colour("paper"),
      });
    } catch (error) {
      this.holder.classList.remove("live");
      throw new Error(String(error.message ?? error));
    }
    // Only with a key held does the wheel zoom: without it the page scrolls.
    this.plot.addEventListener("wheel", (event) => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); }, true);
    for (const button of this.holder.querySelectorAll("button[data-move]")) {
      button.addEventListener("click", () => this.move(button.dataset.move));
    }
    const keys = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", "+": "in", "=": "in", "-": "out", 0: "whole" };
    this.plot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
      event.preventDefault();
      this.move(keys[event.key]);
    });
    this.draw();
    this.whole();
  }

  whole() {
    this.viewer.setView([0, 0, 0, 0, 0, 0, 0, 1]);
    this.viewer.zoomTo({}, 0);
    this.viewer.zoom(1.7);
    this.viewer.render();
  }

  move(how) {
    const { viewer } = this;
    const turns = { left: [-15, "vy"], right: [15, "vy"], up: [-15, "vx"], down: [15, "vx"] };
    if (how in turns) viewer.rotate(...turns[how]);
    else if (how === "in") viewer.zoom(1.25);
    else if (how === "out") viewer.zoom(0.8);
    else if (how === "whole") this.whole();
    else viewer.setView([...viewer.getView().slice(0, 4), ...this.data.views[how]]);
    viewer.render();
  }

  draw() {
    const { viewer, data } = this;
    const view = viewer.getView();
    viewer.setBackgroundColor(colour("paper"));
    viewer.removeAllModels();
    viewer.removeAllShapes();
    viewer.removeAllLabels();
    const point = ([x, y, z]) => ({ x, y, z });
    const atoms = data.atoms.map(([x, y, z, place], serial) => ({ x, y, z, elem: "P" + place, serial, bonds: [], bondOrder: [] }));
    for (const [first, second, ...end] of data.bonds) {
      if (second !== null) {
        atoms[first].bonds.push(second);
        atoms[first].bondOrder.push(1);
        atoms[second].bonds.push(first);
        atoms[second].bondOrder.push(1);
        continue;
      }
      // Half a bond, in the colour of its atom, shows that it goes on outside the cell.
      const from = atoms[first], [x, y, z] = end.map((value, i) => (value + [from.x, from.y, from.z][i]) / 2);
      from.bonds.push(atoms.length);
      from.bondOrder.push(1);
      atoms.push({ x, y, z, elem: from.elem, serial: -1, bonds: [first], bondOrder: [1] });
    }
    const model = viewer.addModel();
    model.addAtoms(atoms);
    data.places.forEach((place, i) => {
      const stick = { radius: BOND, color: place.colour };
      const whole = place.shares.length === 1;
      const ball = whole ? { sphere: { radius: place.radius, color: place.colour } } : { clicksphere: { radius: place.radius } };
      viewer.setStyle({ elem: "P" + i }, { stick, ...ball });
      viewer.setStyle({ elem: "P" + i, serial: -1 }, { stick });
      if (!whole) data.atoms.filter((atom) => atom[3] === i).forEach((atom) => this.slices(atom, place));
    });
    for (const [start, end] of data.edges) viewer.addCylinder({ start: point(start), end: point(end), radius: 0.03, color: colour("axis"), fromCap: 1, toCap: 1 });
    for (const [name, at] of Object.entries(data.names)) this.label(name, point(at), true);
    viewer.setHoverable({}, true, (atom) => this.told(atom), () => this.told(null));
    viewer.setView(view);
    viewer.render();
  }

  // What is written beside an atom goes onto a canvas and into a text node: nowhere is it read as markup.
  told(atom) {
    if (this.shown) this.viewer.removeLabel(this.shown);
    const place = atom === null || atom.serial < 0 ? null : this.data.places[this.data.atoms[atom.serial][3]];
    this.shown = place && this.label(place.label, atom, false);
    this.said.textContent = place ? place.words : "";
    this.viewer.render();
  }

  label(text, position, strong) {
    return this.viewer.addLabel(text, {
      position, inFront: true, fontSize: strong ? 15 : 13, fontColor: colour("ink"), backgroundColor: colour("paper"),
      backgroundOpacity: strong ? 0 : 0.85, showBackground: !strong, alignment: "center",
    });
  }

  // A sphere whose lunes are as wide as the shares of those that sit there; what is empty has the paper's colour.
  slices([cx, cy, cz, ], place) {
    const { Vector3 } = window.$3Dmol;
    let turn = 0.2;   // so that at first the border between two of them faces the reader
    for (const [paint, share] of place.shares) {
      const steps = Math.max(2, Math.round(SLICES * share)), rows = SLICES / 2;
      const vertexArr = [], normalArr = [], faceArr = [];
      for (let i = 0; i <= steps; i += 1) {
        const angle = 2 * Math.PI * (turn + (share * i) / steps);
        for (let j = 0; j <= rows; j += 1) {
          const height = Math.cos((Math.PI * j) / rows), ring = Math.sin((Math.PI * j) / rows);
          const normal = [ring * Math.cos(angle), height, -ring * Math.sin(angle)];
          normalArr.push(new Vector3(...normal));
          vertexArr.push(new Vector3(cx + place.radius * normal[0], cy + place.radius * normal[1], cz + place.radius * normal[2]));
          if (i < steps && j < rows) {
            const here = i * (rows + 1) + j, next = here + rows + 1;
            faceArr.push(here, here + 1, next, here + 1, next + 1, next);
          }
        }
      }
      this.viewer.addCustom({ vertexArr, normalArr, faceArr, color: paint ?? colour("paper") });
      turn += share;
    }
  }
}
