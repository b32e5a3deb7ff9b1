"""Recipes as sentences."""

from __future__ import annotations

from typing import get_args

from autogsas.model.recipe import Group, Recipe
from autogsas.text.prose import describe_recipe, group_name, joined


def _words(*steps: dict[str, object]) -> list[str]:
    return describe_recipe(Recipe.model_validate({"schema": 1, "steps": list(steps)}))


def test_a_hand_made_recipe() -> None:
    assert _words(
        {
            "limits": [40, 150],
            "free": ["scale", "background"],
            "background": {"function": "log interpolate", "terms": 15},
        },
        {"free": ["cell", "zero"], "cycles": 5},
        {"set": {"W": 5.0, "V": -2}, "free": ["W"], "fix": ["zero"]},
        {"free": [{"group": "uiso", "phase": "fap", "site": "O1"}]},
        {},
    ) == [
        "Free scale and background (log interpolate, 15 terms), over 40 to 150°.",
        "Also free cell and zero of 2θ, over the full range, at most 5 cycles.",
        "Set W to 5 and V to -2; also free W; fix zero of 2θ, over the full range.",
        "Also free U_iso of O1, fap, over the full range.",
        "Refine the free parameters, over the full range.",
    ]


def test_without_limits_no_range_is_named() -> None:
    assert _words({"free": ["scale"]}, {"free": ["cell"], "cycles": 1}) == [
        "Free scale.",
        "Also free cell, at most 1 cycle.",
    ]


def test_groups_already_free_are_named_again_only_after_they_were_fixed() -> None:
    log = {"function": "log interpolate", "terms": 9}
    assert _words(
        {"free": ["background", "scale", "uiso"], "background": log},
        {"free": ["scale", "cell", {"group": "uiso", "site": "O1"}]},
        {"free": ["scale", "cell"]},
        {"fix": ["cell"]},
        {"free": ["scale", "cell", "background"], "background": {**log, "terms": 12}},
    ) == [
        "Free background (log interpolate, 9 terms), scale and U_iso.",
        "Also free cell.",
        "Refine the free parameters.",
        "Fix cell.",
        "Also free cell and background (log interpolate, 12 terms).",
    ]


def test_backgrounds_and_windows_by_histogram() -> None:
    (words,) = _words(
        {
            "limits": {"XRA": [20, 140], "CWN": [19, 153]},
            "background": [
                {"function": "cosine", "terms": 6, "histogram": "XRA"},
                {"function": "chebyschev-1", "terms": 1, "histogram": "CWN"},
            ],
            "free": [{"group": "background", "histogram": "XRA"}],
        }
    )
    assert words == (
        "Use as background chebyschev-1, 1 term for CWN; free background of XRA (cosine, 6 terms for XRA),"
        " over 20 to 140° (XRA) and 19 to 153° (CWN)."
    )


def test_starts_and_geometry_are_said_first() -> None:
    (words,) = _words(
        {
            "geometry": "Debye-Scherrer",
            "start": {
                "PbSO4": {
                    "cell": [8.48, 5.4, 6.96, 90, 90, 90],
                    "sites": {"Pb": [0.188, 0.25, 0.167]},
                    "axis": [0, 0, 1],
                }
            },
            "free": ["uiso_shared"],
        }
    )
    assert words == (
        "Use the geometry Debye-Scherrer; start PbSO4 with the cell 8.48 5.4 6.96 90 90 90, Pb at 0.188 0.25 0.167"
        " and orientation along 0 0 1; free one U_iso for all sites."
    )
    assert _words({"geometry": {"XRA": "Bragg-Brentano"}, "free": ["scale"]}) == [
        "Treat XRA as Bragg-Brentano; free scale."
    ]


def test_every_group_has_a_word_and_lists_are_joined() -> None:
    assert all(group_name(group) for group in get_args(Group))
    assert [joined([]), joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
