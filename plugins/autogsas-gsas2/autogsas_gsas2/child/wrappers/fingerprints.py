"""Fingerprints of the functions of GSAS-II whose insides the wrappers were written for and compared with.

The digits are those of GSAS-II 2.0.0 of August 2026.
"""

KNOWN: dict[str, tuple[str, ...]] = {
    "GSASIIElem.FPcalc": ("1a436184279c",),
    "GSASIIElem.GetXsectionCoeff": ("0d2d37770ecd",),
    "GSASIIlattice.calc_rDsq": ("c0ec24b057f9",),
    "GSASIImath.HessianLSQ": ("ce0e9fd998f9",),
    "GSASIImpsubs.ComputeFobsSqCW": ("a0a4a51c5f6d",),
    "GSASIIpwd.Polarization": ("c7a8fd167701",),
    "GSASIIpwd.SurfaceRough": ("e6f58fe6a9d2",),
    "GSASIIpwd.getBackground": ("636d356a5587",),
    "GSASIIpwd.getBackgroundDerv": ("a5705bba3cfb",),
    "GSASIIpwd.getFCJVoigt3": ("dc9daa1dc461",),
    "GSASIIpwd.getdFCJVoigt3": ("0f61482feae8",),
    "GSASIIstrMain.RefineCore": ("2adb464e2b77",),
    "GSASIIstrMath.ApplyRBModelDervs": ("80e8335e3d03",),
    "GSASIIstrMath.GetAbsorbDerv": ("25bcfc9f6397",),
    "GSASIIstrMath.GetFobsSq": ("a2e78dc7b5ad",),
    "GSASIIstrMath.GetHStrainShiftDerv": ("d0f9ddc4c945",),
    "GSASIIstrMath.GetIntensityCorr": ("ff4e79558e43",),
    "GSASIIstrMath.GetIntensityDerv": ("2fdc4e93a66a",),
    "GSASIIstrMath.GetPrefOriDerv": ("75928fbe57bd",),
    "GSASIIstrMath.GetPwdrExt": ("c5a53c35bbf6",),
    "GSASIIstrMath.GetPwdrExtDerv": ("afae0ddb6970",),
    "GSASIIstrMath.GetSampleSigGamDerv": ("43de22421e9a",),
    "GSASIIstrMath.HessRefine": ("fd7b0352d203",),
    "GSASIIstrMath.StructureFactorDerv2": ("dc6c68ea7851",),
    "GSASIIstrMath.dervRefine": ("389ec085ce3a",),
    "GSASIIstrMath.errRefine": ("2c167bd9008e",),
    "GSASIIstrMath.getPowderProfile": ("b4ca6029763d",),
    "GSASIIstrMath.getPowderProfileDerv": ("27d12d7309c5",),
}
