// The figures of a comparison.
begin(({ series, patterns, forests }) => [
  ...patterns.map((pattern, i) => new Overlay(byId("pattern-" + i), pattern, series)),
  ...forests.map((forest, i) => new Forest(byId(i ? "forest-rest" : "forest"), forest, series)),
]);
