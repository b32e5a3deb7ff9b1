"""Reading a .gpx without running anything in it: an unpickler for plain data, numpy arrays and GSAS-II's objects.

Unpickling calls whatever the file names. Here every name is looked up in one table, and what it stands for is never
the real thing but an inert one of this module, which checks what it is given. So whatever passes is plain data, for
the real unpickler in GSAS-II too.
"""

from __future__ import annotations

import hashlib
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from autogsas.errors import UserError

from autogsas_gsas2.code_check import Suspicious, check_texts
from autogsas_gsas2.safe_arrays import Dtype, Inert, Refused, hidden, reconstruct, reconstruct_masked, scalar

__all__ = ["GsasObject", "check_gpx", "hidden", "read_gpx"]

_NUMPY = ("numpy", "numpy.core", "numpy._core")
_GSAS_CLASSES = ("G2VarObj", "ExpressionObj", "ExpressionCalcObj", "ShowTiming")
_ELSEWHERE = frozenset({"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"})
_MEMO = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GSAS_MODULES = ("GSASIIobj", "GSASII.GSASIIobj")


class _Callable(Inert):
    __slots__ = ("does",)

    def __init__(self, name: str, does: Callable[..., Any]) -> None:
        super().__init__(name)
        self.does = does

    def __call__(self, *arguments: Any) -> Any:
        return self.does(*arguments)


class GsasObject:
    """An object of one of GSAS-II's own classes: the class's name, and the attributes."""

    kind = ""

    def __new__(cls, *arguments: object) -> GsasObject:
        if arguments:
            raise Refused(f"{cls.kind} made with arguments")
        made = super().__new__(cls)
        made.attributes = {}
        return made

    attributes: dict[str, Any]

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise Refused(f"a state of {self.kind} that is no dict")
        if any(key.startswith("__") for key in state):
            raise Refused(f"special attributes of {self.kind}")
        self.attributes.update(state)


def _encode(text: Any, encoding: Any = None) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("_codecs.encode of something else than bytes")
    return text.encode("latin-1")


def _object(cls: Any, base: Any, state: Any) -> GsasObject:
    plain = isinstance(base, Inert) and base.name == "object" and state is None
    if not (plain and isinstance(cls, type) and issubclass(cls, GsasObject)):
        raise Refused("copyreg._reconstructor of something else than an object of GSAS-II")
    return cls()


def _empty_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise Refused("bytes of something")
    return b""


def _path(*parts: Any) -> str:
    if not all(isinstance(part, str) for part in parts):
        raise Refused("pathlib of something else than texts")
    return str(PurePath(*parts))


def _masked(*arguments: Any) -> float:
    if arguments:
        raise Refused("numpy.ma.core.MaskedConstant made with arguments")
    return float("nan")


def _ordered(*items: Any) -> dict[Any, Any]:
    # Python 2 gives a list of pairs; Python 3 an empty call and the items after it.
    if items and not (len(items) == 1 and isinstance(items[0], list)):
        raise Refused("collections.OrderedDict of something else than pairs")
    return dict(items[0]) if items else {}


def _table() -> dict[tuple[str, str], Any]:
    table: dict[tuple[str, str], Any] = {}

    def admit(modules: tuple[str, ...], thing: Inert) -> None:
        table.update({(module, thing.name.rpartition(".")[2]): thing for module in modules})

    multiarray = tuple(f"{module}.multiarray" for module in _NUMPY[1:])
    masked = ("numpy.ma", "numpy.ma.core", "numpy.core.ma")
    builtin = ("builtins", "__builtin__")
    admit(_NUMPY, Inert("numpy.ndarray"))
    admit(_NUMPY, _Callable("numpy.dtype", Dtype))
    admit(multiarray, _Callable("numpy.core.multiarray._reconstruct", reconstruct))
    admit(multiarray, _Callable("numpy.core.multiarray.scalar", scalar))
    admit(masked, Inert("numpy.ma.core.MaskedArray"))
    admit(masked, _Callable("numpy.ma.core._mareconstruct", reconstruct_masked))
    admit(masked, _Callable("numpy.ma.core.MaskedConstant", _masked))
    admit(("_codecs",), _Callable("_codecs.encode", _encode))
    admit(("copyreg", "copy_reg"), _Callable("copyreg._reconstructor", _object))
    admit(("collections",), _Callable("collections.OrderedDict", _ordered))
    admit(builtin, Inert("object"))
    for name, made in (("set", set), ("frozenset", frozenset), ("complex", complex), ("bytearray", bytearray)):
        admit(builtin, _Callable(name, _of_plain(name, made)))
    admit(builtin, _Callable("bytes", _empty_bytes))
    for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        admit(("pathlib", "pathlib._local"), _Callable(f"pathlib.{name}", _path))
    for name in _GSAS_CLASSES:
        made_up = type(name, (GsasObject,), {"kind": name})
        table.update({(module, name): made_up for module in _GSAS_MODULES})
    return table


def _of_plain(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    def make(*arguments: Any) -> Any:
        # Never a lone integer, of which bytearray would make as many bytes.
        if not all(type(item) in (list, bytes, float, str) for item in arguments):
            raise Refused(f"{name} of something else than plain data")
        return made(*arguments)

    return make


class _Reader(pickle.Unpickler):
    """The restricted unpickler; its table is its own, so that two files share nothing."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, encoding="latin-1")
        self._admitted = _table()

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        found = self._admitted.get((module_name, global_name))
        if found is None:
            raise Refused(f"{module_name}.{global_name}")
        return found


def read_gpx(path: Path) -> dict[str, dict[str, Any]]:
    """Return a project's tree as inert data: for each top-level item its name with {"data": ..., child: ...}.

    Nothing the file names is ever imported or called. Raises UserError in one line for a file that asks for anything
    a GSAS-II project does not hold, by its name, and for one that is damaged or none at all.
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
    except Suspicious as error:
        raise UserError(
            "refused: the file holds what no GSAS-II project does, and could run code", file=path, found=str(error)
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
            f"not a GSAS-II project, or a damaged one ({type(error).__name__}: {error})", file=path
        ) from None
    if not tree:
        raise UserError("the file is empty", file=path)
    return tree


def _check_opcodes(file: BinaryIO, size: int) -> None:
    """Read over one pickle, building nothing: no opcode that asks another registry, no index that takes all memory."""
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in _ELSEWHERE:
            raise Refused(f"pickle opcode {opcode.name}")
        if opcode.name in _MEMO and (argument is None or argument > size):
            raise Refused(f"pickle opcode {opcode.name} {argument}")


_passed: set[bytes] = set()


def check_gpx(path: Path) -> None:
    """Read a file as `read_gpx` does, unless one of the same content passed in this process. Raises UserError."""
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
        raise ValueError("an item is no list of names and data")
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str) for pair in data):
        raise ValueError("an item is no list of names and data")
    return data[0][0], {"data": data[0][1], **dict(data[1:])}
