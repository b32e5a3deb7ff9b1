"""What comes with autogsas, registered through the same public hooks as any plugin."""

__all__ = ["MODULES"]

# In the order of registration: pluggy calls what was registered last first.
MODULES = (
    "autogsas.builtin.numpy_engine.backend",
    "autogsas.builtin.numpy_engine.cells",
    "autogsas.builtin.readers.text",
    "autogsas.builtin.readers.gsas",
    "autogsas.builtin.readers.xrdml",
    "autogsas.builtin.readers.vendor",
    "autogsas.builtin.readers.instruments",
    "autogsas.builtin.readers.cif",
    "autogsas.builtin.strategy.registered",
    "autogsas.builtin.strategy.default",
    "autogsas.builtin.strategy.published",
    "autogsas.builtin.strategy.handmade",
    "autogsas.builtin.strategy.repairs",
    "autogsas.builtin.strategy.starts",
    "autogsas.builtin.strategy.candidates",
    "autogsas.builtin.checks.physical",
    "autogsas.builtin.checks.misfit",
    "autogsas.builtin.checks.unexplained",
    "autogsas.builtin.checks.texture",
    "autogsas.builtin.checks.kept",
    "autogsas.builtin.checks.width_trends",
    "autogsas.builtin.checks.beyond_instrument",
)
