"""Every number of the report is the one in summary.json, within the digits that are shown."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import math
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from autogsas.report import write_report
from tests.runs import write_run

Summary = dict[str, Any]

NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w]*[A-Za-z])")
SHOWN = re.compile(r"([-+−]?\d+(?:\.(\d+))?)(?:\((\d+)\))?")


class Page(HTMLParser):
    """What people read, without drawings and what is derived; tables by caption; tiles; packed data."""

    def __init__(self, file: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.terms: dict[str, str] = {}
        self.bars: list[str] = []
        self.packed: dict[str, str] = {}
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(file.read_text(encoding="utf-8"))
        self.data = json.loads(gzip.decompress(base64.b64decode(self.packed["data"])))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if given.get("class") == "scroll":
            self._rows = self.tables.setdefault(given["aria-label"], [])
        if tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif tag == "dt":
            self._label = ""
        if tag not in ("meta", "link", "br", "input"):
            self._open.append((tag, given))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._open]
        if not tags or tags[-1] == "style":
            return
        if tags[-1] == "script":
            identity = self._open[-1][1].get("id")
            if identity:
                self.packed[identity] = self.packed.get(identity, "") + data
        elif "svg" in tags:
            if "%" in data:
                self.bars.append(data)
        else:
            if tags[-1] in ("td", "th"):
                self._rows[-1][-1] += data
            elif tags[-1] == "dt":
                self._label += data.strip()
            elif "dd" in tags:
                self.terms[self._label] = self.terms.get(self._label, "") + data.strip()
            classes = {given.get("class", "") for _, given in self._open}
            # Lengths of bonds follow from the structure; that they do is tested with the unit cell.
            if data.strip() and "cell" not in {part for name in classes for part in name.split()}:
                self.words.append(data)


def agrees(shown: str, value: float | None, esd: float | None = None, *, trimmed: bool = False) -> bool:
    """Whether a text is a number within half a unit of the last digit that it shows; so its esd, if it has one.

    Without an esd six digits are shown, where ``trimmed`` without trailing zeros.
    """
    if value is None:
        return shown.strip() == "–"
    found = SHOWN.search(shown.replace("\u202f", ""))
    if found is None:
        return False
    number = float(found[1].replace("−", "-"))
    unit = 10.0 ** -len(found[2] or "")
    if found[3] is not None:
        error = float(found[3]) * unit
        # By the rule of 19 an esd has one digit, or two up to 19.
        tolerance = 0.5 * unit if float(found[3]) <= 19 else 0.5 * 10 ** (len(found[3]) - 1) * unit
        if esd is None or abs(error - esd) > tolerance * 1.001:
            return False
        unit = max(unit, 2 * tolerance)
    elif esd:
        return False
    elif trimmed:
        unit = 1e-5 * abs(value)
    return abs(number - value) <= 0.501 * unit


def mismatches(page: Page, summary: Summary) -> Iterator[str]:
    """Return a text for each number of the page that differs from the summary."""
    yield from _tiles(page, summary)
    yield from _tables(page, summary)
    yield from _search(page, summary)
    yield from _unexplained(page, summary)


def _tiles(page: Page, summary: Summary) -> Iterator[str]:
    bragg = next(iter(summary["histograms"][0]["r_bragg"].values()))
    floor = summary["le_bail_floor"]["rwp"]
    keys = {"Rwp": "rwp", "GoF": "gof", "Rexp": "rexp", "variables": "n_variables", "observations": "n_observations"}
    for label, value in (
        {label: summary[key] for label, key in keys.items()} | {"R_Bragg": bragg, "Le Bail floor": floor}
    ).items():
        if not agrees(page.terms[label], value):
            yield f"tile {label}: {page.terms[label]}, not {value}"
    for label, key in {"Seed": "seed", "χ²": "chi2", "BIC": "bic"}.items():
        if not agrees(page.terms[label], summary[key], trimmed=True):
            yield f"{label}: {page.terms[label]}, not {summary[key]}"
    text = " ".join(page.words)
    low, high = re.findall(r"2θ ([\d.]+) to ([\d.]+)°", text)[0]
    for shown, value in zip((low, high), summary["histograms"][0]["limits"], strict=True):
        if not agrees(shown, value, trimmed=True):
            yield f"limits: {low} to {high}"


def _tables(page: Page, summary: Summary) -> Iterator[str]:
    def table(start: str) -> list[list[str]]:
        return next(rows for caption, rows in page.tables.items() if caption.startswith(start))[1:]

    def rows_of(start: str, wanted: list[list[tuple[int, Any]]]) -> Iterator[str]:
        rows = table(start)
        if len(rows) != len(wanted):
            yield f"{start}: {len(rows)} rows, not {len(wanted)}"
        for row, cells in zip(rows, wanted, strict=False):
            for column, value in cells:
                right = row[column] == value if isinstance(value, str) else agrees(row[column], value)
                if not right:
                    yield f"{start}: {row[column]!r}, not {value}"

    esds = {item["name"]: item for item in summary["parameters"]}
    everything = {row[0]: row[1] for row in table("All ")}
    for item in summary["parameters"]:
        if not agrees(everything[item["name"]], item["value"], item["esd"], trimmed=True):
            yield f"parameter {item['name']}: {everything[item['name']]}, not {item['value']} ({item['esd']})"
    if len(everything) != len(summary["parameters"]):
        yield "parameters"
    for phase in summary["structure"]:
        name = phase["name"]
        caption = next(caption for caption in page.tables if caption.startswith(f"{name}:"))
        for key in "abc":
            shown = re.search(rf"\b{key} = (\S+)", caption.replace("\u00a0", " "))
            if shown is None or not agrees(
                shown[1], phase["cell"][key], esds.get(f"{name}:{key}", {}).get("esd"), trimmed=True
            ):
                yield f"cell {key}: {shown}"
        rows = {row[0]: row for row in page.tables[caption][1:]}
        for site in phase["sites"]:
            keys = {"x": "x", "y": "y", "z": "z", "occupancy": "occupancy", "uiso": "Uiso"}
            for column, (key, part) in enumerate(keys.items(), start=2):
                esd = esds.get(f"{name}:{site['label']}:{part}", {}).get("esd")
                if not agrees(rows[site["label"]][column], site[key], esd, trimmed=True):
                    yield f"{site['label']} {key}: {rows[site['label']][column]}, not {site[key]} ({esd})"
    for row in table("All "):
        computed = next(item["esd_computed"] for item in summary["parameters"] if item["name"] == row[0])
        if not (agrees(row[2], computed) if computed else row[2] == ""):
            yield f"computed esd of {row[0]}: {row[2]}, not {computed}"
    columns = ("rwp", "rwp_background_subtracted", "rexp", "gof", "r_bragg", "r_f", "durbin_watson", "n_observations")
    patterns = []
    for item in summary["histograms"]:
        values = [item[key] if not isinstance(item[key], dict) else next(iter(item[key].values())) for key in columns]
        patterns.append([(0, item["name"]), *enumerate(values, start=1)])
        effective = table("Agreement")[len(patterns) - 1][9]
        if abs(float(effective) - item["effective_points"]) > 0.51:
            yield f"effective points: {effective}, not {item['effective_points']}"
    yield from rows_of("Agreement", patterns)
    weighed = [[(1, m["n_variables"]), (2, m["delta_bic"]), (3, m["weight"])] for m in summary["uncertainty"]["models"]]
    yield from rows_of("Models", weighed)
    yield from rows_of("Distinct", [[(0, c["trial"]), (1, c["rwp"]), (2, c["count"])] for c in summary["candidates"]])
    for candidate, row in zip(summary["candidates"], table("Distinct"), strict=True):
        wanted = [item[key] for item in candidate.get("differences", ()) for key in ("shift", "esds")]
        wanted = [value for value in wanted if value is not None]
        shown = re.findall(r"(?:by |\()([-+\d.]+)", row[4])
        if len(shown) != len(wanted) or not all(map(agrees, shown, wanted)):
            yield f"differences: {row[4]}, not {wanted}"
    steps = [[(1, s["title"]), (2, s["rwp"]), (3, s["n_variables"]), (4, s["cycles"])] for s in summary["steps"]]
    yield from rows_of("Result of each step", steps)
    strong = sorted(summary["correlations"], key=lambda item: -abs(item["value"]))
    yield from rows_of("Strongest", [[(0, c["a"]), (1, c["b"]), (2, c["value"])] for c in strong])
    yield from rows_of("Versions", [[(0, name), (1, version)] for name, version in summary["versions"].items()])


def _search(page: Page, summary: Summary) -> Iterator[str]:
    if len(page.data["history"]) != len(summary["history"]):
        yield "length of the history"
    for told, item in zip(page.data["history"], summary["history"], strict=False):
        pairs = {"number": "number", "state": "state", "rwp": "rwp", "best": "best_so_far", "variables": "n_variables"}
        for key, own in pairs.items():
            if told[key] != item[own]:
                yield f"history {item['number']} {own}: {told[key]}, not {item[own]}"
    if [hand["rwp"] for hand in page.data["hands"]] != [item["rwp"] for item in summary["by_hand"]]:
        yield "by hand"
    for item in summary["by_hand"]:
        labels = [text for text in page.bars if item["name"] in text]
        if not any(agrees(text.rpartition(":")[2], item["rwp"]) for text in labels):
            yield f"line by hand: {labels}"
    shares = [text for text in page.bars if re.fullmatch(r"\d+ %", text)]
    wanted = [100 * item["share"] for item in summary["importances"]["items"]][:10]
    told = re.findall(r"In the (\d+) usable trials", " ".join(page.words))
    if told != [str(summary["importances"]["trials"])]:
        yield f"importances by {told} trials"
    if len(shares) != len(wanted) or not all(map(agrees, shares, wanted)):
        yield f"shares: {shares}, not {wanted}"


def _unexplained(page: Page, summary: Summary) -> Iterator[str]:
    """Return a text for each number of the page that the summary contains neither as a value nor within a name."""
    values, texts = _numbers(summary)
    best, hands = summary["rwp"], [item["rwp"] for item in summary["by_hand"]]
    values += [abs(hand - best) for hand in hands] + [len(summary["parameters"])]
    words = " ".join(page.words).replace("\u00a0", " ").replace("\u202f", "")
    for text in sorted(texts, key=len, reverse=True):
        words = words.replace(text, " ")
    # Times are written in minutes and seconds; 2theta and F^2 are not numbers.
    words = re.sub(r"\d+ h \d+ min|\d+ min \d+ s|[\d.]+ s\b|2θ|\d{4}-\d\d-\d\d \d\d:\d\d", " ", words)
    allowed = {"0"}  # the key that shows the whole pattern
    for found in NUMBER.findall(re.sub(r"(\d)\(\d+\)", r"\1", words)):
        if found not in allowed and not any(_rounds(found, value) for value in values):
            yield f"{found} is not in the summary"


def _rounds(shown: str, value: float) -> bool:
    digits = re.sub(r"e.*|[-−.]", "", shown).lstrip("0")
    decimals = len(shown.partition("e")[0].partition(".")[2])
    unit = 10.0**-decimals if "e" not in shown else 10.0 ** (math.floor(math.log10(abs(value) or 1)) - len(digits) + 1)
    number = float(shown.replace("−", "-"))
    # Values without an esd are written with six digits.
    return abs(abs(number) - abs(value)) <= 0.501 * max(unit, 1e-5 * abs(value) if len(digits) >= 6 else 0.0)


def _numbers(item: Any) -> tuple[list[float], set[str]]:
    if isinstance(item, bool) or item is None:
        return [], set()
    if isinstance(item, (int, float)):
        return [float(item)], set()
    if isinstance(item, str):
        return [], {item} if re.search(r"\d", item) else set()
    parts = [_numbers(part) for part in (item.values() if isinstance(item, dict) else item)]
    keys = {key for key in item if re.search(r"\d", key)} if isinstance(item, dict) else set()
    return [value for values, _ in parts for value in values], keys.union(*(texts for _, texts in parts))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Summary]:
    folder = tmp_path_factory.mktemp("run")
    finding = {"code": "lorentz", "severity": "warning", "message": "A width ends at 0.25.", "numbers": {"Y": -4.513}}
    summary = write_run(folder, points=900, findings=(finding,))
    summary["by_hand"] = [{"name": "hand-made", "trial": 1, "rwp": summary["rwp"] + 1.3841}]
    shares = [("background terms", 0.5213, 0.1121), ("order of steps", 0.3062, 0.2), ("geometry", 0.1725, 0.3)]
    summary["importances"] = {
        "trials": 33,
        "note": "",
        "items": [{"name": name, "choices": [name], "share": share, "chance": by} for name, share, by in shares],
    }
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return Page(write_report(folder)), summary


def test_every_number_agrees_with_the_summary(made: tuple[Page, Summary]) -> None:
    page, summary = made
    assert list(mismatches(page, summary)) == []
    assert len(NUMBER.findall(" ".join(page.words))) > 150  # the page has numbers to check


def _set(*path: Any, by: float) -> Callable[[Summary], None]:
    def change(summary: Summary) -> None:
        item: Any = summary
        for key in path[:-1]:
            item = item[key]
        item[path[-1]] += by

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("rwp", by=0.02),
        _set("gof", by=-0.02),
        _set("rexp", by=0.02),
        _set("n_variables", by=1),
        _set("n_observations", by=-1),
        _set("chi2", by=2.0),
        _set("bic", by=-2.0),
        _set("seed", by=8111),
        _set("histograms", 0, "r_bragg", "fluorapatite", by=0.02),
        _set("histograms", 0, "limits", 1, by=3.3),
        _set("findings", 0, "numbers", "Y", by=0.01),
        _set("parameters", 0, "value", by=0.0003),
        _set("parameters", 0, "esd", by=0.00003),
        _set("parameters", -1, "value", by=6.2),
        _set("structure", 0, "cell", "c", by=0.0003),
        _set("structure", 0, "sites", 5, "x", by=0.001),
        _set("structure", 0, "sites", 3, "uiso", by=0.001),
        _set("structure", 0, "sites", 1, "occupancy", by=-0.1),
        _set("candidates", 1, "rwp", by=0.02),
        _set("candidates", 1, "count", by=1),
        _set("candidates", 1, "differences", 0, "shift", by=0.05),
        _set("steps", 2, "rwp", by=0.02),
        _set("steps", 2, "shift_esd", by=0.1),
        _set("correlations", 1, "value", by=0.002),
        _set("history", 7, "number", by=1),
        _set("history", 30, "best_so_far", by=1e-6),
        _set("by_hand", 0, "rwp", by=0.02),
        _set("importances", "items", 1, "share", by=0.02),
        _set("importances", "trials", by=1),
    ],
)
def test_a_wrong_number_is_found(made: tuple[Page, Summary], change: Callable[[Summary], None]) -> None:
    page, summary = made
    other = copy.deepcopy(summary)
    change(other)
    assert list(mismatches(page, other)) != []
