"""Fingerprints of the functions of GSAS-II whose insides the wrappers were written for and compared with.

The digits are those of GSAS-II 2.0.0 of August 2026.
"""

KNOWN: dict[str, tuple[str, ...]] = {
    "GSASIIElem.FPcalc": ("1a436184279c",),
    "GSASIIElem.GetXsectionCoeff": ("98d5f451697d",),
    "GSASIIlattice.calc_rDsq": ("c0ec24b057f9",),
    "GSASIImath.HessianLSQ": ("e5225987b21e",),
    "GSASIImpsubs.ComputeFobsSqCW": ("61228990b091",),
    "GSASIIpwd.Polarization": ("c7a8fd167701",),
    "GSASIIpwd.SurfaceRough": ("e6f58fe6a9d2",),
    "GSASIIpwd.getBackground": ("32c3dcbb295d",),
    "GSASIIpwd.getBackgroundDerv": ("d9c3fdbcc0f0",),
    "GSASIIpwd.getFCJVoigt3": ("dc9daa1dc461",),
    "GSASIIpwd.getdFCJVoigt3": ("0f61482feae8",),
    "GSASIIstrMain.RefineCore": ("d05b17b864b3",),
    "GSASIIstrMath.ApplyRBModelDervs": ("c005afbbe099",),
    "GSASIIstrMath.GetAbsorbDerv": ("25bcfc9f6397",),
    "GSASIIstrMath.GetFobsSq": ("df6a6da071b6",),
    "GSASIIstrMath.GetHStrainShiftDerv": ("d0f9ddc4c945",),
    "GSASIIstrMath.GetIntensityCorr": ("69bd293a24f7",),
    "GSASIIstrMath.GetIntensityDerv": ("47a15c2f59a7",),
    "GSASIIstrMath.GetPrefOriDerv": ("8e1c2ff3d8d0",),
    "GSASIIstrMath.GetPwdrExt": ("6f55617dd07b",),
    "GSASIIstrMath.GetPwdrExtDerv": ("0cdf86259b6e",),
    "GSASIIstrMath.GetSampleSigGamDerv": ("56307d9b6a46",),
    "GSASIIstrMath.HessRefine": ("26a4d77da8cd",),
    "GSASIIstrMath.StructureFactorDerv2": ("65cba426c784",),
    "GSASIIstrMath.dervRefine": ("0a51503cc918",),
    "GSASIIstrMath.errRefine": ("dac35a3f3a23",),
    "GSASIIstrMath.getPowderProfile": ("d9bd06e45455",),
    "GSASIIstrMath.getPowderProfileDerv": ("2917d75e9689",),
}
