// The figures of the report of a run.
begin((content) => {
  const figures = content.fits.map((fit, i) => new Fit(byId("fit-" + i), fit));
  if (content.history.length) figures.push(new History(byId("history"), content.history, content.window, content.hands));
  content.structures.forEach((cell, i) => figures.push(new Structure(byId("structure-" + i), cell)));
  return figures;
});
