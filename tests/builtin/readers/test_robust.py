"""Whatever bytes a file holds, a reader answers, passes, or says what is wrong in one line; it never breaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.builtin.readers import cif, gsas, instruments, text, vendor, xrdml
from autogsas.errors import UserError
from autogsas.model.pattern import Pattern

from . import gsas_text, test_cif, test_instruments, test_vendor, test_xrdml

HOOKS = {
    "text": text.autogsas_read_pattern,
    "gsas": gsas.autogsas_read_pattern,
    "xrdml": xrdml.autogsas_read_pattern,
    "vendor": vendor.autogsas_read_pattern,
    "xrdml instrument": xrdml.autogsas_read_instrument,
    "instruments": instruments.autogsas_read_instrument,
    "cif": cif.autogsas_read_structure,
}
SEEDS = [
    ("a.xye", "2theta counts esd\n10 5 1\n11 6 2\n12 7 3\n"),
    *((f"{kind}.gsas", content) for kind, content in gsas_text.sample().items()),
    ("a.xrdml", test_xrdml.document(test_xrdml.scan(), test_xrdml.scan("1 2 3"))),
    ("a.ras", test_vendor.RAS.format("1.0", "1.0")),
    ("a.prm", test_instruments.PRM),
    ("a.instprm", test_instruments.INSTPRM),
    ("a.cif", test_cif.salt()),
]
PIECES = st.sampled_from(
    ["", "nan", "-1", "1e400", "0", "\n", "'", ";", "?", "x", "\t", " ", "\u00e9", "99999999999", "<", "&", "_"]
)


def answer(path: Path) -> None:
    for hook in HOOKS.values():
        try:
            found = hook(path, None)
        except UserError as error:
            one_line = "\n" not in str(error)
            found = None if one_line else error
        assert not isinstance(found, UserError)
        if isinstance(found, Pattern):
            assert np.all(np.diff(found.x) > 0)
            assert np.all(np.isfinite(found.y))
            assert np.all(np.isfinite(found.weights))
            assert np.all(found.weights >= 0)


@given(name=st.sampled_from([seed[0] for seed in SEEDS] + ["a.raw", "a.brml", "a"]), data=st.binary(max_size=300))
def test_any_bytes(name, data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    answer(path)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(seed=st.sampled_from(SEEDS), where=st.floats(0, 1), length=st.integers(0, 30), piece=PIECES)
def test_damaged_files(seed, where, length, piece, tmp_path_factory):
    name, content = seed
    at = int(where * len(content))
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes((content[:at] + piece + content[at + length :]).encode())
    answer(path)


@given(seed=st.sampled_from(SEEDS), where=st.floats(0, 1))
def test_files_cut_short(seed, where, tmp_path_factory):
    name, content = seed
    path = tmp_path_factory.getbasetemp() / name
    path.write_text(content[: int(where * len(content))])
    answer(path)
