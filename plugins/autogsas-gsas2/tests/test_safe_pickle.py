"""Reading a .gpx executes nothing: what GSAS-II writes is read unchanged, everything else is refused by name."""

from __future__ import annotations

import collections
import copyreg
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from autogsas.errors import UserError

from autogsas_gsas2.safe_pickle import GsasObject, check_gpx, masked, read_gpx

ARRAYS: dict[str, Any] = {
    "doubles": np.arange(6.0).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "integers": np.array([1, -2, 3], dtype=np.int32),
    "swapped": np.array([1.5, 2.5], dtype=">f8"),
    "words": np.array(["Pb", "O-2"]),
    "flags": np.array([True, False]),
    "complex": np.array([1 + 2j]),
    "empty": np.zeros((0, 3)),
    "objects": np.array([None, "a", 3, [1, 2]], dtype=object),
    "deep": np.zeros((2, 1, 2), dtype=np.float32),
}
PLAIN: dict[str, Any] = {
    "numbers": [1, -(2**70), 1.5, float("inf"), True, None, 1 + 2j],
    "texts": ["Å", b"\x00\xff", b"", ""],
    "pairs": (1, (2, (3,))),
    "sets": [{1, 2}, frozenset({3})],
    "ordered": collections.OrderedDict([("a", 1), ("b", [2])]),
    "scalars": [np.float64(1.25), np.int64(-3), np.float32(0.5), np.bool_(True), np.str_("x")],
    "bytes": bytearray(b"ab"),
}


def write(file: Path, *items: Any, protocol: int = 1) -> Path:
    with file.open("wb") as stream:
        for item in items:
            pickle.dump(item, stream, protocol)
    return file


def refusal(file: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_gpx(file)
    line = str(caught.value)
    assert caught.value.exit_status == 2
    assert "\n" not in line
    assert line.startswith(f"{file}: ")
    return line


@pytest.mark.parametrize("protocol", range(5))
def test_what_gsas2_writes_is_read_unchanged(tmp_path: Path, protocol: int) -> None:
    file = write(tmp_path / "a.gpx", [["Controls", PLAIN]], [["Data", ARRAYS], ["Limits", [1, 2]]], protocol=protocol)
    tree = read_gpx(file)
    assert list(tree) == ["Controls", "Data"]
    found = tree["Controls"]["data"]
    assert found["ordered"] == {"a": 1, "b": [2]}
    assert found == {**PLAIN, "ordered": found["ordered"]}
    assert [type(item) for item in found["scalars"]] == [type(item) for item in PLAIN["scalars"]]
    assert tree["Data"]["Limits"] == [1, 2]
    for name, array in ARRAYS.items():
        read = tree["Data"]["data"][name]
        assert read.dtype == array.dtype.newbyteorder("="), name
        assert read.shape == array.shape
        assert np.array_equal(np.asarray(read), array), name


@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_masked_arrays_keep_their_values_and_masks(tmp_path: Path, protocol: int) -> None:
    values = np.ma.MaskedArray(np.arange(6.0).reshape(2, 3), mask=[[0, 1, 0], [0, 0, 1]], fill_value=9.0)
    tree = read_gpx(write(tmp_path / "a.gpx", [["Data", [values, values.T]]], protocol=protocol))
    for read, expected in zip(tree["Data"]["data"], (values, values.T), strict=True):
        assert np.array_equal(np.asarray(read), expected.data)
        assert np.array_equal(masked(read), expected.mask)
    assert not masked(np.zeros(3)).any()


class G2VarObj:
    """Takes the place of GSAS-II's class of this name."""


@pytest.mark.parametrize("module", ["GSASII.GSASIIobj", "GSASIIobj"])
@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_objects_of_gsas2_are_read_as_plain_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int, module: str
) -> None:
    import sys
    import types

    made = types.ModuleType(module)
    made.G2VarObj = G2VarObj  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module, made)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], made)
    monkeypatch.setattr(G2VarObj, "__module__", module)
    made_object = G2VarObj()
    made_object.__dict__.update(phase=1, name="AUiso")
    file = write(tmp_path / "a.gpx", [["Constraints", [made_object, made_object]]], protocol=protocol)
    first, second = read_gpx(file)["Constraints"]["data"]
    assert isinstance(first, GsasObject)
    assert first is second
    assert (first.kind, first.attributes) == ("G2VarObj", {"phase": 1, "name": "AUiso"})


class Calls:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def marker(tmp_path: Path) -> str:
    return f"touch {tmp_path / 'ran'}"


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda command: Calls(os.system, command), "system"),
        (lambda command: Calls(eval, f"__import__('os').system({command!r})"), "eval"),
        (lambda command: Calls(exec, f"import os; os.system({command!r})"), "exec"),
        (lambda command: {"deep": [({"er": Calls(os.system, command)},)]}, "system"),
        (lambda command: Calls(getattr, "os", "system"), "getattr"),
        (lambda command: np.array([Calls(os.system, command)], dtype=object), "system"),
        (lambda command: Calls(np.save, command, 1), "save"),
        (lambda command: Calls(np.fromfile, command), "fromfile"),
        (lambda command: Calls(np.load, command), "load"),
        (lambda command: Calls(copyreg.add_extension, "os", "system", 1), "add_extension"),
        (lambda command: Calls(map, os.system, [command]), "map"),
        (lambda command: Calls(pickle.loads, pickle.dumps(Calls(os.system, command))), "loads"),
    ],
    ids=[
        "system",
        "eval",
        "exec",
        "nested",
        "getattr",
        "in-array",
        "save",
        "fromfile",
        "load",
        "copyreg",
        "map",
        "loads",
    ],
)
def test_calls_are_refused_by_name(tmp_path: Path, make: Any, name: str, protocol: int) -> None:
    file = tmp_path / "a.gpx"
    write(file, [["Controls", {}]], [["Evil", make(marker(tmp_path))]], protocol=protocol)
    line = refusal(file)
    assert "refused" in line
    assert name in line or "posix" in line or "builtins" in line
    assert not (tmp_path / "ran").exists()
    # The ordinary unpickler would execute it: otherwise this test would show nothing.
    if name in ("system", "eval", "exec") and protocol == 2:
        with file.open("rb") as stream:
            pickle.load(stream)
            pickle.load(stream)
        assert (tmp_path / "ran").exists()


def opcodes(*parts: bytes) -> bytes:
    """A pickle of [["Evil", what the parts leave on the stack]]."""
    return b"]]X\x04\x00\x00\x00Evil" + b"a" + b"".join(parts) + b"aa."


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


NDARRAY = b"cnumpy\nndarray\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
DTYPE = b"cnumpy\ndtype\n"
EMPTY_ARRAY = RECONSTRUCT + b"(" + NDARRAY + b"(K\x00t" + text("b") + b"tR"
PLAIN_DTYPE = DTYPE + b"(" + text("f8") + b"tR"
OBJECT_DTYPE = DTYPE + b"(" + text("O8") + b"tR"


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        ([RECONSTRUCT, b"(cos\nsystem\n(K\x00t", text("b"), b"tR"], "os.system"),
        ([RECONSTRUCT, b"(", text("x"), b"(K\x00t", text("b"), b"tR"], "_reconstruct"),
        ([RECONSTRUCT, b"(", NDARRAY, b"(J\xff\xff\xff\x7ft", text("d"), b"tR"], "_reconstruct"),
        ([RECONSTRUCT, b"(", NDARRAY, b"(K\x00t", text("O"), b"tR"], "_reconstruct"),
        ([NDARRAY, b"(J\xff\xff\xff\x7ftR"], "not a GSAS-II project"),
        ([NDARRAY, b")\x81"], "not a GSAS-II project"),
        ([NDARRAY, b"}", text("x"), b"K\x01sb"], "numpy.ndarray"),
        ([DTYPE, b"(", text("f8,O"), b"tR"], "numpy.dtype"),
        ([DTYPE, b"(", text("(9999999,9999999)f8"), b"tR"], "numpy.dtype"),
        ([DTYPE, b"(", text("V99999999"), b"tR"], "numpy.dtype"),
        ([DTYPE, b"(}", text("names"), b"]sttR"], "not a GSAS-II project"),
        ([EMPTY_ARRAY, b"(K\x01(K\x02t", PLAIN_DTYPE, b"K\x00", text("short"), b"tb"], "size"),
        ([EMPTY_ARRAY, b"(K\x01(K\x01t", OBJECT_DTYPE, b"K\x00", text("pointers"), b"tb"], "size"),
        ([OBJECT_DTYPE, b"(K\x03", text("|"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"], "numpy.dtype"),
        ([PLAIN_DTYPE, b"(K\x03", text("<"), b"NNNM\x00\x10K\x08K\x00tb"], "numpy.dtype"),
        ([b"c_codecs\nencode\n(", text("x"), text("hex"), b"tR"], "_codecs.encode"),
        ([b"c__builtin__\nbytes\n(J\xff\xff\xff\x7ftR"], "bytes"),
        ([b"c__builtin__\nbytearray\n(J\xff\xff\xff\x7ftR"], "bytearray"),
        ([b"ccopy_reg\n_reconstructor\n(c__builtin__\nset\nc__builtin__\nobject\nNtR"], "copyreg._reconstructor"),
        ([b"ccopy_reg\n_reconstructor\n(cGSASIIobj\nG2VarObj\nc__builtin__\nset\nNtR"], "copyreg._reconstructor"),
        ([b"cGSASIIobj\nG2VarObj\n(K\x01tR"], "G2VarObj created with arguments"),
        ([b"cGSASIIobj\nG2VarObj\n)\x81}", text("__class__"), b"K\x01sb"], "special attributes"),
        ([b"cGSASIIobj\nFindFunction\n(", text("os.system"), b"tR"], "GSASIIobj.FindFunction"),
        ([b"(iGSASIIobj\nos.system\n"], "GSASIIobj.os.system"),
        ([b"(", text("x"), b"ios\nsystem\n"], "os.system"),
        ([b"\x82\x01"], "pickle opcode EXT1"),
        ([b"Pnothing\n"], "pickle opcode PERSID"),
        ([b"]r\xff\xff\xff\x7f"], "pickle opcode LONG_BINPUT 2147483647"),
        ([b"]p99999999999\n"], "pickle opcode PUT 99999999999"),
        ([text("numpy"), text("ndarray.__reduce__"), b"\x93"], "numpy.ndarray.__reduce__"),
        ([b"ccollections\nOrderedDict\n}", text("pop"), b"K\x01sb"], "collections.OrderedDict"),
        ([b"cGSASIIobj\nG2VarObj\nN}", text("__setstate__"), b"K\x01s\x86b"], "not a GSAS-II project"),
    ],
)
def test_misuse_of_allowed_names_is_refused(tmp_path: Path, parts: list[bytes], names: str) -> None:
    file = tmp_path / "a.gpx"
    file.write_bytes(opcodes(*parts))
    assert names in refusal(file)


def test_a_file_of_python_2_is_read(tmp_path: Path) -> None:
    raw = np.array([1.5, -2.0]).tobytes()
    dtype = DTYPE + b"(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = RECONSTRUCT + b"(" + NDARRAY + b"(K\x00tU\x01btR(K\x01(L2L\nt" + dtype + b"I00\nU\x10" + raw + b"tb"
    file = tmp_path / "a.gpx"
    file.write_bytes(opcodes(b"(U\x02\xc5x", array, b"t"))
    word, found = read_gpx(file)["Evil"]["data"]
    assert word == "Åx"
    assert np.array_equal(np.asarray(found), [1.5, -2.0])


def test_paths_and_masked_numbers_are_plain(tmp_path: Path) -> None:
    tree = read_gpx(write(tmp_path / "a.gpx", [["Controls", [Path("a/b"), np.ma.masked]]]))
    path, number = tree["Controls"]["data"]
    assert path == str(Path("a/b"))
    assert np.isnan(number)


def test_a_copy_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.gpx", [["Controls", {"a": 1}]])
    check_gpx(file)
    monkeypatch.setattr("autogsas_gsas2.safe_pickle._Reader", None)
    check_gpx(file)
    monkeypatch.undo()
    write(file, [["Controls", Calls(os.system, marker(tmp_path))]])
    with pytest.raises(UserError, match="system"):
        check_gpx(file)
    with pytest.raises(UserError, match="cannot be read"):
        check_gpx(tmp_path / "gone.gpx")
    assert not (tmp_path / "ran").exists()


def test_one_file_cannot_affect_the_next(tmp_path: Path) -> None:
    file = tmp_path / "a.gpx"
    file.write_bytes(opcodes(b"cGSASIIobj\nG2VarObj\nN}", text("kind"), text("changed"), b"s\x86b"))
    refusal(file)
    file.write_bytes(opcodes(b"cGSASIIobj\nG2VarObj\n)\x81"))
    assert read_gpx(file)["Evil"]["data"].kind == "G2VarObj"


class ExpressionObj:
    """Takes the place of GSAS-II's class of this name: an expression that GSAS-II evaluates when it refines."""


def expression(formula: str) -> bytes:
    return opcodes(b"cGSASIIobj\nExpressionObj\n)\x81}", text("expression"), text(formula), b"sb")


@pytest.mark.parametrize(
    "formula",
    ["", "a*b+2", "np.sqrt(a**2 + b**2)", "sin(x) if x > 0 else -x", "Dist(1,2)", "math.pi*r", "-a/(b-1.5e-3)"],
)
def test_arithmetic_is_accepted(tmp_path: Path, formula: str) -> None:
    file = tmp_path / "a.gpx"
    file.write_bytes(expression(formula))
    assert read_gpx(file)["Evil"]["data"].attributes == {"expression": formula}


@pytest.mark.parametrize(
    "formula",
    [
        "os.system('x')",
        "np.load('x')",
        "np.ctypeslib.os.system('x')",
        "().__class__",
        "[a for a in b]",
        "f'{a}'",
        "(lambda: 1)()",
        "exec(a)",
        "a[0]",
        "x := 1",
        "open('f')",
        "a b",
        "np.sin.__globals__",
    ],
)
def test_expressions_that_are_not_arithmetic_are_refused(tmp_path: Path, formula: str) -> None:
    file = tmp_path / "a.gpx"
    file.write_bytes(expression(formula))
    assert "refused" in refusal(file)


@pytest.mark.parametrize(
    "formula", ["C(os.system('x'),0)", "__import__('os')", "C(eval('1'),0)", "().__class__", "(lambda x: 1)(2)"]
)
def test_code_in_names_that_gsas2_evaluates_is_refused(tmp_path: Path, formula: str) -> None:
    tree = {"PbSO4": {"Histograms": {"PWDR a": {"Pref.Ori.": ["SH", 1.0, False, [0, 0, 1], 4, {formula: 0.1}, [""]]}}}}
    assert "Python code" in refusal(write(tmp_path / "a.gpx", [["Phases", tree]]))
    # Texts written by people are only shown.
    read_gpx(write(tmp_path / "b.gpx", [["Notebook", [formula]]], [["PWDR a", {}], ["Comments", [formula]]]))


def test_ordinary_texts_are_accepted(tmp_path: Path) -> None:
    texts = [
        "C(2,0)",
        "P 63/m (open)",
        "data/os.x/eval/sys.gpx",
        "0::AUiso:*",
        "import (1).cif",
        "K(2,0,1)c",
        "x,y,-z",
    ]
    assert read_gpx(write(tmp_path / "a.gpx", [["Phases", texts]]))["Phases"]["data"] == texts


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        b"\x80\x04",
        b"PK\x03\x04zip",
        b"\x80\x02]q\x00.",
        pickle.dumps(3),
        pickle.dumps([[1, 2]]),
        pickle.dumps([["a"]]),
        pickle.dumps([["Controls", {}]]) + b"junk",
        pickle.dumps([["a", 1]])[:-3],
    ],
)
def test_a_damaged_file_is_an_error_of_one_line(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.gpx"
    file.write_bytes(data)
    assert "not a GSAS-II project" in refusal(file) or "empty" in refusal(file)


def test_a_file_that_cannot_be_read_is_an_error_of_one_line(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path)
    assert "cannot be read: No such file" in refusal(tmp_path / "nowhere.gpx")


def test_data_that_contain_themselves_are_read(tmp_path: Path) -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    tree = read_gpx(write(tmp_path / "a.gpx", [["Controls", loop]]))
    assert tree["Controls"]["data"][1] is tree["Controls"]["data"]
    file = tmp_path / "b.gpx"
    file.write_bytes(opcodes(b"]" * 100_000, b"a" * 99_999))
    read_gpx(file)
