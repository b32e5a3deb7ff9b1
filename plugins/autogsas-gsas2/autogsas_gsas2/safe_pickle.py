"""Reading a .gpx without executing anything in it: an unpickler for plain data, numpy arrays and GSAS-II's objects.

Unpickling calls whatever functions and classes the file names. Here every name is looked up in a table of harmless
substitutes, which check their arguments and return plain data. So a file that passes is safe for the ordinary unpickler
in GSAS-II, too.
"""

from __future__ import annotations

import hashlib
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from autogsas.errors import UserError

from autogsas_gsas2.code_check import UnsafeContent, check_texts
from autogsas_gsas2.safe_arrays import Dtype, Refused, Substitute, masked, reconstruct, reconstruct_masked, scalar

__all__ = ["GsasObject", "check_gpx", "masked", "read_gpx"]

_NUMPY = ("numpy", "numpy.core", "numpy._core")
_GSAS_CLASSES = ("G2VarObj", "ExpressionObj", "ExpressionCalcObj", "ShowTiming")
_FORBIDDEN_OPCODES = frozenset({"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"})
_MEMO_OPCODES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GSAS_MODULES = ("GSASIIobj", "GSASII.GSASIIobj")


class _Function(Substitute):
    """The substitute of a function or class that a pickle may call."""

    __slots__ = ("function",)

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        super().__init__(name)
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class GsasObject:
    """An object of one of GSAS-II's own classes: ``kind`` is the name of the class."""

    kind = ""

    def __new__(cls, *arguments: object) -> GsasObject:
        if arguments:
            raise Refused(f"{cls.kind} created with arguments")
        made = super().__new__(cls)
        made.attributes = {}
        return made

    attributes: dict[str, Any]

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise Refused(f"a state of {self.kind} that is not a dict")
        if any(key.startswith("__") for key in state):
            raise Refused(f"special attributes of {self.kind}")
        self.attributes.update(state)


def _encode(text: Any, encoding: Any = None) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("_codecs.encode of something other than bytes")
    return text.encode("latin-1")


def _object(cls: Any, base: Any, state: Any) -> GsasObject:
    plain = isinstance(base, Substitute) and base.name == "object" and state is None
    if not (plain and isinstance(cls, type) and issubclass(cls, GsasObject)):
        raise Refused("copyreg._reconstructor of something other than an object of GSAS-II")
    return cls()


def _empty_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise Refused("bytes with arguments")
    return b""


def _path(*parts: Any) -> str:
    if not all(isinstance(part, str) for part in parts):
        raise Refused("pathlib of something other than texts")
    return str(PurePath(*parts))


def _masked_constant(*arguments: Any) -> float:
    if arguments:
        raise Refused("numpy.ma.core.MaskedConstant created with arguments")
    return float("nan")


def _ordered(*items: Any) -> dict[Any, Any]:
    # Python 2 writes a call with a list of pairs, Python 3 a call without arguments and the items afterwards.
    if items and not (len(items) == 1 and isinstance(items[0], list)):
        raise Refused("collections.OrderedDict of something other than pairs")
    return dict(items[0]) if items else {}


def _table() -> dict[tuple[str, str], Any]:
    """Return the substitutes by module and name; all other names are refused."""
    table: dict[tuple[str, str], Any] = {}

    def admit(modules: tuple[str, ...], substitute: Substitute) -> None:
        name = substitute.name.rpartition(".")[2]
        table.update({(module, name): substitute for module in modules})

    multiarray = tuple(f"{module}.multiarray" for module in _NUMPY[1:])
    masked_arrays = ("numpy.ma", "numpy.ma.core", "numpy.core.ma")
    builtin = ("builtins", "__builtin__")
    admit(_NUMPY, Substitute("numpy.ndarray"))
    admit(_NUMPY, _Function("numpy.dtype", Dtype))
    admit(multiarray, _Function("numpy.core.multiarray._reconstruct", reconstruct))
    admit(multiarray, _Function("numpy.core.multiarray.scalar", scalar))
    admit(masked_arrays, Substitute("numpy.ma.core.MaskedArray"))
    admit(masked_arrays, _Function("numpy.ma.core._mareconstruct", reconstruct_masked))
    admit(masked_arrays, _Function("numpy.ma.core.MaskedConstant", _masked_constant))
    admit(("_codecs",), _Function("_codecs.encode", _encode))
    admit(("copyreg", "copy_reg"), _Function("copyreg._reconstructor", _object))
    admit(("collections",), _Function("collections.OrderedDict", _ordered))
    admit(builtin, Substitute("object"))
    for name, function in (("set", set), ("frozenset", frozenset), ("complex", complex), ("bytearray", bytearray)):
        admit(builtin, _Function(name, _of_plain_data(name, function)))
    admit(builtin, _Function("bytes", _empty_bytes))
    for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        admit(("pathlib", "pathlib._local"), _Function(f"pathlib.{name}", _path))
    for name in _GSAS_CLASSES:
        substitute = type(name, (GsasObject,), {"kind": name})
        table.update({(module, name): substitute for module in _GSAS_MODULES})
    return table


def _of_plain_data(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*arguments: Any) -> Any:
        # No integers: bytearray(n) would allocate n bytes.
        if not all(type(item) in (list, bytes, float, str) for item in arguments):
            raise Refused(f"{name} of something other than plain data")
        return function(*arguments)

    return checked


class _Reader(pickle.Unpickler):
    """The restricted unpickler; each has a table of its own, so that one file cannot affect the next."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, encoding="latin-1")
        self._admitted = _table()

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        found = self._admitted.get((module_name, global_name))
        if found is None:
            raise Refused(f"{module_name}.{global_name}")
        return found


def read_gpx(path: Path) -> dict[str, dict[str, Any]]:
    """Return a project's tree as plain data: for each top-level item its name with {"data": ..., child: ...}.

    Nothing that the file names is imported or called. Raises UserError for a file with anything that GSAS-II projects
    do not contain, which the message names, and for a damaged file or one of another kind.
    """
    tree: dict[str, dict[str, Any]] = {}
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            while file.tell() < size:
                start = file.tell()
                _check_opcodes(file, size)
                file.seek(start)
                name, content = _item(_Reader(file).load())
                tree[name] = content
        check_texts(tree)
    except UnsafeContent as error:
        raise UserError(
            "refused, because the file could execute code: it has content that GSAS-II does not write; "
            "if you trust it, open it in GSAS-II and save it again",
            file=path,
            found=str(error),
        ) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", file=path) from None
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        MemoryError,
        RecursionError,
        AssertionError,
        ImportError,
        SystemError,
    ) as error:
        raise UserError(
            f"not a GSAS-II project, or a damaged one ({type(error).__name__}: {error}); "
            "check whether GSAS-II opens it",
            file=path,
        ) from None
    if not tree:
        raise UserError("the file is empty; it should be a GSAS-II project", file=path)
    return tree


def _check_opcodes(file: BinaryIO, size: int) -> None:
    """Check the opcodes of one pickle before it is loaded. Raises Refused.

    Refused are opcodes that look names up elsewhere, and memo indices so large that they would use up the memory.
    """
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in _FORBIDDEN_OPCODES:
            raise Refused(f"pickle opcode {opcode.name}")
        if opcode.name in _MEMO_OPCODES and (argument is None or argument > size):
            raise Refused(f"pickle opcode {opcode.name} {argument}")


_passed: set[bytes] = set()


def check_gpx(path: Path) -> None:
    """Check a file as `read_gpx` does, unless the same content has passed in this process. Raises UserError."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", file=path) from None
    if digest not in _passed:
        read_gpx(path)
        _passed.add(digest)


def _item(data: Any) -> tuple[str, dict[str, Any]]:
    """Return one item of the tree: [[name, data], [child, data], ...]."""
    if not isinstance(data, list) or not data:
        raise ValueError("an item is not a list of names and data")
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str) for pair in data):
        raise ValueError("an item is not a list of names and data")
    return data[0][0], {"data": data[0][1], **dict(data[1:])}
