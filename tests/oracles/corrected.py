"""GSAS-II with one derivative put right; run by GSAS-II's own Python in place of the plugin's child.

Where symmetry ties A1, A2 or A3 of the reciprocal metric to A0 (tetragonal, hexagonal, trigonal, cubic), GSAS-II's
derivative by A0 is that of A0 alone (cellVaryDerv in GSASIIstrMath.getPowderProfileDerv; the ties are equivalences,
whose own derivatives are never asked for). Its least squares then end beside the minimum of its own chi^2: far beside,
where cell, zero and displacement are correlated. Here the whole derivative stands in A0's place.

Arguments: the plugin's start script, and then its own.
"""

from __future__ import annotations

import os
import runpy
import sys
from typing import Any

# Laue classes, and which components follow A0.
TIED = {
    "4/m": (1,),
    "4/mmm": (1,),
    "m3": (1, 2),
    "m3m": (1, 2),
    "3": (1, 3),
    "3m1": (1, 3),
    "31m": (1, 3),
    "6/m": (1, 3),
    "6/mmm": (1, 3),
}


def correct() -> None:
    """Complete the derivative in the GSAS-II of this interpreter."""
    from GSASII import GSASIIstrMath

    profile, position = GSASIIstrMath.getPowderProfileDerv, GSASIIstrMath.GetReflPosDerv
    classes: dict[str, str] = {}

    def with_classes(args: Any) -> Any:
        classes.update({f"{phase['pId']}::": phase["General"]["SGData"]["SGLaue"] for phase in args[4].values()})
        return profile(args)

    def completed(refl: Any, im: Any, wave: Any, metric: Any, pfx: str, *rest: Any) -> Any:
        by_metric, *others = position(refl, im, wave, metric, pfx, *rest)
        by_metric[0] += sum(by_metric[i] for i in TIED.get(classes[pfx], ()))
        return (by_metric, *others)

    GSASIIstrMath.getPowderProfileDerv, GSASIIstrMath.GetReflPosDerv = with_classes, completed


if __name__ == "__main__":
    # Standard output is the plugin's pipe, and GSAS-II greets on it.
    pipe = os.dup(1)
    os.dup2(2, 1)
    correct()
    os.dup2(pipe, 1)
    os.close(pipe)
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
