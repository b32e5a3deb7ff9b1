// A unit cell that can be rotated, drawn by 3Dmol.js (WebGL) from the same positions as the still picture.
const BOND = 0.075;   // Angstrom, radius of a bond
const SLICES = 36;    // of the equator of a sphere shared by several elements

class Structure {
  constructor(holder, data) {
    this.holder = holder;
    this.needs = "3dmol";
    this.fails = "The structure cannot be rotated";
    this.plot = holder.querySelector(".plot");
    this.atomText = holder.querySelector(".atom-text");
    this.data = data;
  }

  start() {
    const probe = document.createElement("canvas");
    if (!probe.getContext("webgl2") && !probe.getContext("webgl")) throw new Error("it has no WebGL");
    makeLive(this, stillHeight(this, 300));
    try {
      this.viewer = window.$3Dmol.createViewer(this.plot, {
        antialias: true, orthographic: true, disableFog: true, hoverDuration: 80, backgroundColor: colour("paper"),
      });
    } catch (error) {
      this.holder.classList.remove("live");
      throw new Error(String(error.message ?? error));
    }
    // The wheel zooms only with Ctrl or Cmd; otherwise it scrolls the page.
    this.plot.addEventListener("wheel", (event) => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); }, true);
    connectMoves(this, { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" });
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
      // Half a bond, in the colour of its atom: the other atom is outside the cell.
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
    viewer.setHoverable({}, true, (atom) => this.describe(atom), () => this.describe(null));
    viewer.setView(view);
    viewer.render();
  }

  // Show the label and text of an atom; both are drawn as plain text, never as markup.
  describe(atom) {
    if (this.shown) this.viewer.removeLabel(this.shown);
    const place = atom === null || atom.serial < 0 ? null : this.data.places[this.data.atoms[atom.serial][3]];
    this.shown = place && this.label(place.label, atom, false);
    this.atomText.textContent = place ? place.words : "";
    this.viewer.render();
  }

  label(text, position, strong) {
    return this.viewer.addLabel(text, {
      position, inFront: true, fontSize: strong ? 15 : 13, fontColor: colour("ink"), backgroundColor: colour("paper"),
      backgroundOpacity: strong ? 0 : 0.85, showBackground: !strong, alignment: "center",
    });
  }

  // A sphere in slices as wide as the occupancy of each element; an empty part has the colour of the paper.
  slices([cx, cy, cz, ], place) {
    const { Vector3 } = window.$3Dmol;
    let turn = 0.2;   // the border between two slices faces the reader at first
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
