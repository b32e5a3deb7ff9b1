"""Read instrument files of constant wavelength: GSAS .prm/.inst and GSAS-II .instprm.

GSAS and GSAS-II share the units of U V W X Y (centidegrees, U V W as Gaussian variances: Larson & Von Dreele,
LAUR 86-748, 2004, "CW profile functions"), so the coefficients are used unchanged; GSAS gives the
zero in centidegrees and the axial divergence as S/L and H/L, whose sum is GSAS-II's SH/L.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autogsas.builtin.readers.textfile import is_binary, read_bytes, read_lines
from autogsas.errors import UserError, nearest
from autogsas.hooks.specs import hookimpl
from autogsas.model.instrument import Geometry, Instrument, Radiation

GSAS_SUFFIXES = (".prm", ".inst", ".ins", ".iparm")
GSAS2_SUFFIXES = (".instprm",)
GEOMETRIES: tuple[Geometry, ...] = ("Bragg-Brentano", "Debye-Scherrer")

_USED = (
    "Type",
    "Bank",
    "Lam",
    "Lam1",
    "Lam2",
    "I(L2)/I(L1)",
    "Zero",
    "Polariz.",
    "U",
    "V",
    "W",
    "X",
    "Y",
    "Z",
    "SH/L",
    "Gonio. radius",
    "Diff-type",
)
_IGNORED = ("Azimuth", "Source", "InstrName", "Temperature", "Pressure")
_SECTION = re.compile(r"^#\s*bank\s+(\d+)", re.IGNORECASE)
_RECORD = re.compile(r"^INS ", re.MULTILINE)


@hookimpl
def autogsas_read_instrument(path: Path, bank: int | None) -> Instrument | None:
    """Read the instrument of the bank with the given number, or of the first bank."""
    suffix = path.suffix.lower()
    head = read_bytes(path, 4096)
    if is_binary(head):
        return None
    sample = head.decode("latin-1")
    if suffix in GSAS2_SUFFIXES or sample.lstrip("\ufeff ").startswith("#GSAS-II"):
        return _gsas2(path, bank)
    if _RECORD.search(sample.replace("\r", "\n")):
        return _gsas(path, bank)
    if suffix in GSAS_SUFFIXES:
        raise UserError("no INS records: this is not a GSAS instrument file", file=path)
    return None


def _gsas2(path: Path, bank: int | None) -> Instrument:
    sections = _sections(read_lines(path))
    if not sections:
        raise UserError("no instrument parameters found", file=path, allowed="lines such as 'Type:PXC'")
    number = next(iter(sections)) if bank is None or set(sections) == {0} else bank
    if number not in sections:
        raise UserError(
            "no such bank in the instrument file",
            file=path,
            key="bank",
            found=bank,
            allowed=[str(item) for item in sections],
        )
    items = sections[number]
    notes = []
    for item in items:
        if item not in (*_USED, *_IGNORED):
            close = nearest(item, _USED)
            notes.append(f"item {item!r} of {path.name} is not used" + (f" ({close!r}?)" if close else ""))
    kind = items.get("Type", "")
    radiation = _radiation(path, kind)
    doublet = "Lam1" in items
    first, second = ("Lam1", "Lam2") if doublet else ("Lam", None)
    wavelengths = tuple(_float(path, items, key, None) for key in (first, second) if key is not None and key in items)
    given = items.get("Diff-type")
    geometry = next((item for item in GEOMETRIES if item == given), None)
    if given is not None and geometry is None:
        raise UserError("unknown geometry", file=path, key="Diff-type", found=given, allowed=GEOMETRIES)
    return Instrument(
        radiation=radiation,
        wavelengths=_wavelengths(path, wavelengths),
        ratio=_float(path, items, "I(L2)/I(L1)", 0.5),
        polarization=_float(path, items, "Polariz.", 0.5 if radiation == "xray" else 0.0),
        zero=_float(path, items, "Zero", 0.0),
        U=_float(path, items, "U", 2.0),
        V=_float(path, items, "V", -2.0),
        W=_float(path, items, "W", 5.0),
        X=_float(path, items, "X", 0.0),
        Y=_float(path, items, "Y", 0.0),
        Z=_float(path, items, "Z", 0.0),
        SH_L=_float(path, items, "SH/L", 0.002),
        geometry=geometry,
        radius=_float(path, items, "Gonio. radius", 200.0),
        notes=tuple(notes),
    )


def _sections(lines: Sequence[str]) -> dict[int, dict[str, str]]:
    """Return the items of each bank, without values of several lines; bank 0 if the file has no bank headings."""
    found: dict[int, dict[str, str]] = {}
    number, quoted = 0, ""
    for text in lines:
        if quoted:
            quoted = "" if quoted in text else quoted
            continue
        heading = _SECTION.match(text)
        if heading:
            number = int(heading[1])
        elif text.strip() and not text.startswith("#"):
            quote = next((mark for mark in ('"""', "'''") if mark in text), "")
            quoted = quote if text.count(quote) == 1 and quote else ""
            for piece in [text] if quote else text.split(";"):
                key, colon, value = piece.partition(":")
                if colon:
                    found.setdefault(number, {})[_key(key)] = value.strip()
    return found


def _key(text: str) -> str:
    squeezed = text.replace(" ", "").strip()
    return "Gonio. radius" if squeezed == "Gonio.radius" else squeezed


def _float(path: Path, items: Mapping[str, str], key: str, default: float | None) -> float:
    text = items.get(key)
    if text is None and default is not None:
        return default
    try:
        return float(text or "")
    except ValueError:
        raise UserError("not a number", file=path, key=key, found=text) from None


def _radiation(path: Path, kind: str) -> Radiation:
    known: dict[str, Radiation] = {"PXC": "xray", "PNC": "neutron"}
    if kind[:3].upper() in known:
        return known[kind[:3].upper()]
    if len(kind) >= 3 and kind[0].upper() == "P":
        raise UserError(
            "only constant-wavelength X-rays and neutrons are supported, not time of flight or energy dispersion",
            file=path,
            key="Type",
            found=kind,
            allowed="PXC, PNC",
        )
    raise UserError(
        "the type of instrument is not given", file=path, key="Type", found=kind or "nothing", allowed="PXC, PNC"
    )


def _wavelengths(path: Path, values: Sequence[float]) -> tuple[float, ...]:
    for value in values:
        if not value > 0:
            raise UserError("a wavelength must be positive", file=path, key="wavelength", found=f"{value:g}")
    return tuple(values)


def _gsas(path: Path, bank: int | None) -> Instrument:
    records = {line[:12]: line[12:] for line in read_lines(path) if line.startswith("INS ")}
    banks = sorted({int(key[3:6]) for key in records if key[6:].strip() == "ICONS" and key[3:6].strip().isdigit()})
    if not banks:
        raise UserError("no ICONS record: the wavelength is missing", file=path)
    number = banks[0] if bank is None else bank
    if number not in banks:
        raise UserError(
            "no such bank in the instrument file",
            file=path,
            key="bank",
            found=bank,
            allowed=[str(item) for item in banks],
        )
    kinds = next((value for key, value in records.items() if key[3:].strip() == "HTYPE"), "").split()
    kind = kinds[min(number, len(kinds)) - 1] if kinds else ""
    radiation = _radiation(path, kind)
    constants = _record(records, number, "ICONS")
    first, second, zero = (_fixed(path, constants, start, start + 10) for start in (0, 10, 20))
    polarization, ratio = _fixed(path, constants, 40, 50), _fixed(path, constants, 55, 65)
    notes: list[str] = []
    widths = _profile(path, records, number, notes)
    return Instrument(
        radiation=radiation,
        wavelengths=_wavelengths(path, (first, second) if second else (first,)),
        ratio=ratio or 0.5,
        polarization=polarization,
        zero=zero / 100.0,
        U=widths.U,
        V=widths.V,
        W=widths.W,
        X=widths.X,
        Y=widths.Y,
        SH_L=widths.SH_L,
        notes=tuple(notes),
    )


def _record(records: Mapping[str, str], bank: int, name: str) -> str:
    wanted = f"INS{bank:3d}"
    return next((value for key, value in records.items() if key[:6] == wanted and key[6:].strip() == name), "")


def _fixed(path: Path, text: str, start: int, stop: int) -> float:
    field = text[start:stop].strip()
    try:
        return float(field) if field else 0.0
    except ValueError:
        raise UserError("a field of this record is not a number", file=path, key="ICONS", found=text) from None


@dataclass(frozen=True)
class _Widths:
    """Profile coefficients in GSAS-II's units; the defaults are those of `Instrument`."""

    U: float = 2.0
    V: float = -2.0
    W: float = 5.0
    X: float = 0.0
    Y: float = 0.0
    SH_L: float = 0.002


def _profile(path: Path, records: Mapping[str, str], bank: int, notes: list[str]) -> _Widths:
    """Return the widths of the best profile function of the file: 3 (with axial divergence), else 2, else 1.

    Orders of coefficients: function 1: U V W asym F1 F2; 2: U V W X Y trns asym shft; 3: U V W P X Y S/L H/L.
    """
    found: dict[int, list[float]] = {}
    # A file with one function may omit the slot number: "PRCF" for "PRCF1", "PRCF 1" for "PRCF11".
    for slot in ("", *"123456789"):
        heading = _record(records, bank, f"PRCF{slot}").split()
        if not heading or not heading[0].lstrip("-").isdigit():
            continue
        text = " ".join(_record(records, bank, f"PRCF{slot or ' '}{part}") for part in range(1, 6))
        try:
            found.setdefault(int(heading[0]), [float(piece) for piece in text.split()])
        except ValueError:
            raise UserError(
                "a profile record is not a list of numbers", file=path, key=f"PRCF{slot}", found=text
            ) from None
    function = next((item for item in (3, 4, 2, 1) if len(found.get(item, ())) >= 3), None)
    if function is None:
        notes.append(f"{path.name} has no profile function 1 to 4: the widths are defaults")
        return _Widths()
    values = [*found[function], *[0.0] * 8]
    if function in (3, 4) and values[3]:
        notes.append("the Scherrer coefficient GP of the Gaussian width is not supported here; it is left out")
    widths = _Widths(U=values[0], V=values[1], W=values[2])
    if function == 3:
        return replace(widths, X=values[4], Y=values[5], SH_L=values[6] + values[7] or widths.SH_L)
    if function == 2:
        return replace(widths, X=values[3], Y=values[4])
    return widths
