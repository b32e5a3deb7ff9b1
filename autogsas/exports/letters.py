"""Letters beyond ASCII, as CIF's markup and as LaTeX write them."""

from __future__ import annotations

import unicodedata

__all__ = ["cif_letters", "latex_letters"]

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
# One letter, its CIF code and its LaTeX command.
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
# Combining marks in Unicode's decomposed form.
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
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-", strict=True))
_SPECIAL = {
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


def cif_letters(text: str) -> str:
    """Return a text in ASCII, other letters in the codes of CIF's common semantic features.

    Hall, Allen & Brown, Int. Tables G (2006), 2.2.7.4.13. What has no code there is written as its number in Unicode,
    as in HTML, so that nothing is lost.
    """
    return "".join(char if char.isascii() else _cif(char) for char in unicodedata.normalize("NFC", text))


def _cif(char: str) -> str:
    if char == "µ":
        char = "μ"
    if char in _GREEK:
        return f"\\{_GREEK[char][0]}"
    if char in _SINGLE:
        return _SINGLE[char][0]
    if char in _RAISED:
        return f"^{_RAISED[char]}^"
    if char in _LOWERED:
        return f"~{_LOWERED[char]}~"
    base, marks = _decomposed(char)
    if base and marks in _ACCENTS:
        return f"\\{_ACCENTS[marks][0]}{base}"
    return "".join(f"&#x{ord(part):04X};" for part in char)


def latex_letters(text: str) -> str:
    r"""Return a text in ASCII that LaTeX sets as it stands, without packages but textcomp's letters.

    Letters that it has no command for are shown by their number in Unicode, as in U+4E2D.
    """
    return "".join(_latex(char) for char in unicodedata.normalize("NFC", text))


def _latex(char: str) -> str:
    if char in _SPECIAL:
        return _SPECIAL[char]
    if char.isascii():
        return char if char.isprintable() else " "
    if char == "µ":
        char = "μ"
    if char in _GREEK:
        return f"\\ensuremath{{\\{_GREEK[char][1]}}}"
    if char in _SINGLE:
        return _SINGLE[char][1]
    if char in _RAISED:
        return f"\\ensuremath{{^{{{_RAISED[char]}}}}}"
    if char in _LOWERED:
        return f"\\ensuremath{{_{{{_LOWERED[char]}}}}}"
    base, marks = _decomposed(char)
    if base and marks in _ACCENTS:
        return f"\\{_ACCENTS[marks][1]}{{{base}}}"
    return f"U+{ord(char):04X}"


def _decomposed(char: str) -> tuple[str, str]:
    parts = unicodedata.normalize("NFD", char)
    return (parts[0], parts[1:]) if parts[:1].isascii() and parts[:1].isalpha() else ("", parts)
