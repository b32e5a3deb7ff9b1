"""Write characters beyond ASCII with the codes of CIF or the commands of LaTeX."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["cif_characters", "latex_characters"]

# Character: (CIF code, LaTeX command), also in the next two tables.
_GREEK = {
    "α": ("a", "alpha"),
    "β": ("b", "beta"),
    "χ": ("c", "chi"),
    "δ": ("d", "delta"),
    "ε": ("e", "epsilon"),
    "φ": ("f", "phi"),
    "γ": ("g", "gamma"),
    "η": ("h", "eta"),
    "ι": ("i", "iota"),
    "κ": ("k", "kappa"),
    "λ": ("l", "lambda"),
    "μ": ("m", "mu"),
    "ν": ("n", "nu"),
    "ο": ("o", "mathrm{o}"),
    "π": ("p", "pi"),
    "θ": ("q", "theta"),
    "ρ": ("r", "rho"),
    "σ": ("s", "sigma"),
    "τ": ("t", "tau"),
    "υ": ("u", "upsilon"),
    "ω": ("w", "omega"),
    "ξ": ("x", "xi"),
    "ψ": ("y", "psi"),
    "ζ": ("z", "zeta"),
    "Γ": ("G", "Gamma"),
    "Δ": ("D", "Delta"),
    "Θ": ("Q", "Theta"),
    "Λ": ("L", "Lambda"),
    "Ξ": ("X", "Xi"),
    "Π": ("P", "Pi"),
    "Σ": ("S", "Sigma"),
    "Φ": ("F", "Phi"),
    "Ψ": ("Y", "Psi"),
    "Ω": ("W", "Omega"),
}
_SINGLE = {
    "Å": (r"\%A", r"\AA{}"),
    "å": (r"\%a", r"\aa{}"),
    "°": (r"\%", r"\ensuremath{^\circ}"),
    "Ø": (r"\/O", r"\O{}"),
    "ø": (r"\/o", r"\o{}"),
    "Ł": (r"\/L", r"\L{}"),
    "ł": (r"\/l", r"\l{}"),
    "ß": (r"\&s", r"\ss{}"),
    "ı": (r"\?i", r"\i{}"),
    "±": ("+-", r"\ensuremath{\pm}"),
    "×": (r"\\times", r"\ensuremath{\times}"),
    "·": (".", r"\ensuremath{\cdot}"),
    "–": ("--", "--"),
    "—": ("---", "---"),
    "−": ("-", r"\ensuremath{-}"),
    "→": (r"\\rightarrow", r"\ensuremath{\rightarrow}"),
    "≠": (r"\\neq", r"\ensuremath{\neq}"),
    "∞": (r"\\infty", r"\ensuremath{\infty}"),
    "‘": ("'", "`"),
    "’": ("'", "'"),
    "“": ('"', "``"),
    "”": ('"', "''"),
}
# Combining marks, as Unicode decomposes accented letters.
_ACCENTS = {
    "\u0300": ("`", "`"),
    "\u0301": ("'", "'"),
    "\u0302": ("^", "^"),
    "\u0303": ("~", "~"),
    "\u0308": ('"', '"'),
    "\u0304": ("=", "="),
    "\u0307": (".", "."),
    "\u030c": ("<", "v"),
    "\u0306": ("(", "u"),
    "\u0328": (";", "k"),
    "\u0327": (",", "c"),
    "\u030b": (">", "H"),
}
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-", strict=True))
_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    '"': "''",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
}


@dataclass(frozen=True)
class _Markup:
    """How one file format writes characters; ``column`` selects its code in the tables above."""

    column: int
    greek: str
    superscript: str
    subscript: str
    accent: str
    ascii: Callable[[str], str]
    unknown: Callable[[str], str]


_CIF = _Markup(
    column=0,
    greek="\\{}",
    superscript="^{}^",
    subscript="~{}~",
    accent="\\{mark}{letter}",
    ascii=lambda char: char,
    unknown=lambda char: f"&#x{ord(char):04X};",
)
_LATEX = _Markup(
    column=1,
    greek=r"\ensuremath{{\{}}}",
    superscript=r"\ensuremath{{^{{{}}}}}",
    subscript=r"\ensuremath{{_{{{}}}}}",
    accent=r"\{mark}{{{letter}}}",
    ascii=lambda char: _LATEX_SPECIAL.get(char, char if char.isprintable() else " "),
    unknown=lambda char: f"U+{ord(char):04X}",
)


def cif_characters(text: str) -> str:
    """Return a text in ASCII, other characters in the codes of CIF's common semantic features.

    Hall, Allen & Brown, Int. Tables G (2006), 2.2.7.4.13. A character without a code is written as its number in
    Unicode, as in HTML, so that nothing is lost.
    """
    return _write(text, _CIF)


def latex_characters(text: str) -> str:
    """Return a text in ASCII that LaTeX sets unchanged; the only package needed is textcomp.

    A character without a command is shown as its number in Unicode, such as U+4E2D.
    """
    return _write(text, _LATEX)


def _write(text: str, markup: _Markup) -> str:
    return "".join(_write_character(char, markup) for char in unicodedata.normalize("NFC", text))


def _write_character(char: str, markup: _Markup) -> str:
    if char.isascii():
        return markup.ascii(char)
    if char == "\N{MICRO SIGN}":
        char = "\N{GREEK SMALL LETTER MU}"
    if char in _GREEK:
        return markup.greek.format(_GREEK[char][markup.column])
    if char in _SINGLE:
        return _SINGLE[char][markup.column]
    if char in _SUPERSCRIPTS:
        return markup.superscript.format(_SUPERSCRIPTS[char])
    if char in _SUBSCRIPTS:
        return markup.subscript.format(_SUBSCRIPTS[char])
    decomposed = unicodedata.normalize("NFD", char)
    letter, accent = decomposed[0], _ACCENTS.get(decomposed[1:])
    if accent and letter.isascii() and letter.isalpha():
        return markup.accent.format(mark=accent[markup.column], letter=letter)
    return markup.unknown(char)
