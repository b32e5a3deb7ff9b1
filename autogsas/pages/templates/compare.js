// The figures of a comparison.
begin(({ sides, patterns, forests }) => [
  ...patterns.map((pattern, i) => new Overlay(byId("pattern-" + i), pattern, sides)),
  ...forests.map((forest, i) => new Forest(byId(i ? "forest-rest" : "forest"), forest, sides)),
]);
