"""Run in a strange interpreter by `finding`: says as one line of JSON what GSAS-II it has. Standard library only.

Arguments: folders in which GSAS-II may lie. Written for old Pythons too: an installation may be years old.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

MARK = "autogsas-probe:"
COMPILED = ("pypowder", "pyspg")


def main() -> None:
    """Import GSAS-II, from the interpreter's own packages or from a folder given, and print what was found."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [
        path for path in sys.path if os.path.abspath(path or ".") != here
    ]  # none of its modules are for here
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # GSAS-II greets on standard output
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
    except BaseException as error:  # noqa: BLE001  whatever a half-installed GSAS-II raises is the answer
        found["error"] = one_line(error)
    answer.write("\n" + MARK + json.dumps(found) + "\n")
    answer.flush()


def find_package(folders: list[str]) -> tuple[str, str]:
    """Return the package's prefix ("GSASII." or "") and the folder to put on the path ("" for none)."""
    from importlib.util import find_spec

    if find_spec("GSASII") is not None and is_package(find_spec("GSASII")):
        return "GSASII.", ""
    if find_spec("GSASIIscriptable") is not None:
        return "", ""
    for folder in folders:
        for name in ("", "GSAS-II", "GSASII"):
            place = os.path.join(folder, name) if name else folder
            inside = os.path.join(place, "GSASII")
            if os.path.isfile(os.path.join(inside, "GSASIIscriptable.py")):
                if os.path.isfile(os.path.join(inside, "__init__.py")):
                    return "GSASII.", place
                return "", inside
            if os.path.isfile(os.path.join(place, "GSASIIscriptable.py")):
                return "", place
    raise ImportError("there is no GSASIIscriptable in it")


def is_package(spec: object) -> bool:
    """Say whether a spec is of a folder with GSASIIscriptable that has relative imports."""
    places = getattr(spec, "submodule_search_locations", None) or ()
    files = ("__init__.py", "GSASIIscriptable.py")
    return any(all(os.path.isfile(os.path.join(place, file)) for file in files) for place in places)


def load(package: str, name: str) -> str:
    """Return where a compiled part lies as "at PATH", or why it does not load."""
    reason = "there is none"
    for full in dict.fromkeys((package + name, name)):
        try:
            return "at " + os.path.abspath(importlib.import_module(full).__file__ or "")
        except ModuleNotFoundError:
            continue
        except ImportError as error:
            reason = one_line(error)
    return reason


def version(package: str) -> dict[str, str]:
    """Return what is known of the version: tag, build, commit, and the version of the installed package."""
    said = {"tag": "", "build": "", "commit": "", "package": ""}
    path = importlib.import_module(package + "GSASIIpath")
    for key, name in (("tag", "GetVersionTag"), ("build", "GetVersionNumber")):
        try:
            value = str(getattr(path, name)())
            said[key] = value if any(letter.isdigit() for letter in value) else ""
        except Exception:  # noqa: BLE001  old versions ask subversion or git, which may fail in any way
            said[key] = ""
    try:
        said["commit"] = str(importlib.import_module(package + "git_verinfo").git_version)
    except (ImportError, AttributeError):
        said["commit"] = ""
    try:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        for name in ("gsas-ii", "GSAS-II", "gsas2pkg"):
            try:
                said["package"] = installed(name)
                break
            except PackageNotFoundError:
                continue
    except ImportError:  # Python 3.7
        said["package"] = ""
    return said


def one_line(error: BaseException) -> str:
    """Return an error as one line."""
    return " ".join((type(error).__name__ + ": " + str(error)).split())


if __name__ == "__main__":
    main()
