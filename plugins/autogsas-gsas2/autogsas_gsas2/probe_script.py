"""Prints as one line of JSON which GSAS-II an interpreter has; `discovery` runs it in that interpreter.

Arguments: folders in which GSAS-II may be. It uses the standard library only, and also runs in old versions of Python,
because an installation may be years old.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

MARK = "autogsas-probe:"
COMPILED = ("pypowder", "pyspg")


def main() -> None:
    """Import GSAS-II from the interpreter's own packages or from one of the folders, and print what was found."""
    here = os.path.dirname(os.path.abspath(__file__))
    # The modules of the plugin must not be imported here.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # GSAS-II prints a greeting on standard output
    found: dict[str, object] = {"python": sys.executable, "python_version": sys.version.split()[0]}
    try:
        import numpy

        found["numpy"] = numpy.__version__
        package, path = find_package(sys.argv[1:])
        if path:
            sys.path.insert(0, path)
        found["layout"], found["path"] = ("package" if package else "flat"), path
        module = importlib.import_module(package + "GSASIIscriptable")
        found["module"] = os.path.abspath(module.__file__ or "")
        found["compiled"] = {name: load(package, name) for name in COMPILED}
        found.update(version(package))
    except BaseException as error:  # noqa: BLE001  whatever an incomplete GSAS-II raises is the answer
        found["error"] = one_line(error)
    answer.write("\n" + MARK + json.dumps(found) + "\n")
    answer.flush()


def find_package(folders: list[str]) -> tuple[str, str]:
    """Return the prefix of GSAS-II's modules ("GSASII." or "") and the folder to add to ``sys.path`` ("" for none)."""
    from importlib.util import find_spec

    if find_spec("GSASII") is not None and is_package(find_spec("GSASII")):
        return "GSASII.", ""
    if find_spec("GSASIIscriptable") is not None:
        return "", ""
    for folder in folders:
        for name in ("", "GSAS-II", "GSASII"):
            parent = os.path.join(folder, name) if name else folder
            inside = os.path.join(parent, "GSASII")
            if os.path.isfile(os.path.join(inside, "GSASIIscriptable.py")):
                if os.path.isfile(os.path.join(inside, "__init__.py")):
                    return "GSASII.", parent
                return "", inside
            if os.path.isfile(os.path.join(parent, "GSASIIscriptable.py")):
                return "", parent
    raise ImportError("it has no module GSASIIscriptable")


def is_package(spec: object) -> bool:
    """Return whether a module spec is that of a package with GSASIIscriptable in it."""
    folders = getattr(spec, "submodule_search_locations", None) or ()
    files = ("__init__.py", "GSASIIscriptable.py")
    return any(all(os.path.isfile(os.path.join(folder, file)) for file in files) for folder in folders)


def load(package: str, name: str) -> str:
    """Return the file of a compiled module as "at PATH", or the reason why it cannot be imported."""
    reason = "the module is missing"
    for full in dict.fromkeys((package + name, name)):
        try:
            return "at " + os.path.abspath(importlib.import_module(full).__file__ or "")
        except ModuleNotFoundError:
            continue
        except ImportError as error:
            reason = one_line(error)
    return reason


def version(package: str) -> dict[str, str]:
    """Return tag, build number and commit of GSAS-II, and the version of the installed package; "" for unknown ones."""
    found = {"tag": "", "build": "", "commit": "", "package": ""}
    path = importlib.import_module(package + "GSASIIpath")
    for key, name in (("tag", "GetVersionTag"), ("build", "GetVersionNumber")):
        try:
            value = str(getattr(path, name)())
            found[key] = value if any(letter.isdigit() for letter in value) else ""
        except Exception:  # noqa: BLE001  old versions run subversion or git, which may fail in any way
            found[key] = ""
    try:
        found["commit"] = str(importlib.import_module(package + "git_verinfo").git_version)
    except (ImportError, AttributeError):
        found["commit"] = ""
    try:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        for name in ("gsas-ii", "GSAS-II", "gsas2pkg"):
            try:
                found["package"] = installed(name)
                break
            except PackageNotFoundError:
                continue
    except ImportError:  # Python 3.7
        found["package"] = ""
    return found


def one_line(error: BaseException) -> str:
    """Return an error as one line."""
    return " ".join((type(error).__name__ + ": " + str(error)).split())


if __name__ == "__main__":
    main()
