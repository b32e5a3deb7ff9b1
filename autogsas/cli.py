"""The command line. Commands import what they need when they run, so that help appears at once."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from autogsas.errors import AutogsasError, nearest
from autogsas.version import __version__

if TYPE_CHECKING:
    from autogsas.commands.verbs import FinishedRun

__all__ = ["cli", "main"]

Command = TypeVar("Command", bound=Callable[..., Any])

_STATUS = """\b
Exit status: 0 done; 1 no usable result found; 2 wrong input;
3 backend missing or broken; 130 interrupted, all finished trials are kept."""
_PATH = click.Path(path_type=Path)
_figures = click.option("--figures", default="", metavar="pdf,svg,png", help="Also write figures for print.")


class _Nearest(click.Group):
    """A group that prints its help without arguments, and suggests the nearest command for an unknown one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True, color=ctx.color)
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            close = nearest(args[0], self.list_commands(ctx))
            hint = f" Did you mean {close!r}?" if close else f" Commands: {', '.join(self.list_commands(ctx))}."
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


class _Duration(click.ParamType):  # type: ignore[type-arg]  # not generic in older versions of click
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from autogsas.model.project import seconds

        try:
            found = seconds(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        if found <= 0:
            self.fail(f"{value!r}: a duration must be positive", param, ctx)
        return found


class _Scout(click.ParamType):  # type: ignore[type-arg]  # not generic in older versions of click
    name = "auto|off|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in ("auto", "off"):
            return value
        if not str(value).isdigit() or int(value) < 1:
            self.fail(f"{value!r} must be auto, off or a number of trials", param, ctx)
        return int(value)


def _shared(*, search: bool) -> Callable[[Command], Command]:
    options = [
        click.option("--backend", metavar="NAME", help="Engine: auto or a name; default: that of the project."),
        click.option(
            "--out",
            type=_PATH,
            metavar="DIR",
            help="Folder for the results; default: runs/NAME-N.",
        ),
        click.option("--timeout", type=_Duration(), help="Time limit of the whole run, such as 90s, 10m, 1.5h."),
        click.option("--json", "as_json", is_flag=True, help="Print only summary.json, to standard output."),
        click.option("--quiet", is_flag=True, help="Print only errors."),
        _figures,
    ]
    if search:
        options += [
            click.option("--trials", type=click.IntRange(min=1), help="Number of trials, resumed ones included."),
            click.option(
                "--jobs",
                type=click.IntRange(1, 256),
                help="Trials in parallel. Use the same number to repeat a run exactly.",
            ),
            click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same proposals."),
            click.option(
                "--patience",
                type=click.IntRange(min=0),
                help="Stop at noise, or after N proposals without improvement; 0: never.",
            ),
            click.option(
                "--scout",
                type=_Scout(),
                help="First a quick search with a faster engine: auto, off or N trials.",
            ),
            click.option("--like", type=_PATH, metavar="RUN", help="Try the best recipes of this earlier run first."),
            click.option("--resume", is_flag=True, help="Continue the last run, or the run in --out."),
        ]

    def decorate(command: Command) -> Command:
        for option in reversed([*options, _debug]):
            command = option(command)
        return command

    return decorate


_debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")


@click.group(cls=_Nearest, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_STATUS)
@click.version_option(__version__, message="autogsas %(version)s")
def cli() -> None:
    """Automatic Rietveld refinement as a search over how to refine."""


@cli.command(epilog=_STATUS)
@click.argument("project", type=_PATH)
@_shared(search=True)
def run(project: Path, as_json: bool, quiet: bool, **options: Any) -> int:
    """Refine PROJECT (a project file, its folder or a GSAS-II .gpx) by a search over recipes.

    The recipes that you give are tried first; then the sampler proposes others. Ctrl-C stops the run and keeps all
    finished trials; --resume continues it.
    """
    from autogsas.commands import verbs

    with _watch(as_json, quiet) as progress:
        found = verbs.run(project, verbs.RunRequest(**options), progress=progress)
    return _show(found, as_json, quiet)


@cli.command(epilog=_STATUS)
@click.argument("project", type=_PATH)
@click.option("--recipe", required=True, type=_PATH, metavar="FILE", help="Recipe file, such as best.recipe.yaml.")
@_shared(search=False)
def refine(project: Path, recipe: Path, as_json: bool, quiet: bool, **options: Any) -> int:
    """Refine PROJECT with one recipe, without a search."""
    from autogsas.commands import verbs

    with _watch(as_json, quiet) as progress:
        found = verbs.refine(project, recipe, verbs.RefineRequest(**options), progress=progress)
    return _show(found, as_json, quiet)


@cli.command()
@click.argument("data", type=_PATH, nargs=-1, required=True)
@click.option("--phase", "phases", type=_PATH, multiple=True, required=True, help="CIF of a phase; may be repeated.")
@click.option("--instrument", type=_PATH, help="GSAS .prm or .inst, or GSAS-II .instprm file.")
@click.option("--name", help="Name of the project; default: name of the folder.")
@click.option("--radiation", type=click.Choice(["xray", "neutron"]))
@click.option("--geometry", type=click.Choice(["Bragg-Brentano", "Debye-Scherrer"], case_sensitive=False))
@click.option("--wavelength", type=float, multiple=True, help="In Angstrom; give it twice for K-alpha1 and K-alpha2.")
@click.option("--limits", type=float, nargs=2, metavar="LOW HIGH", help="2theta range, in degrees.")
@click.option("--out", "target", type=_PATH, default=Path(), metavar="DIR", help="Folder for project.yaml.")
@_debug
def init(**given: Any) -> int:
    """Write a commented project.yaml for the patterns DATA, after checking that all files can be read."""
    from autogsas.input.initialise import write_project

    click.echo(f"wrote {write_project(**given)}")
    return 0


@cli.command()
@click.argument("folder", type=_PATH, metavar="RUN")
@_figures
@_debug
def report(folder: Path, figures: str) -> int:
    """Write report.html of the run folder RUN again, for example after an update or with figures for print."""
    from autogsas.commands import verbs

    done = verbs.report(folder, figures=figures)
    for notice in done.notices:
        click.echo(notice, err=True)
    click.echo(f"wrote {done.page}")
    return 0


@cli.command()
@click.argument("given", type=_PATH, nargs=-1, required=True, metavar="A B [C ...]")
@click.option("--project", type=_PATH, metavar="PROJECT", help="Project of the recipes, if it is not in their folder.")
@click.option("--backend", metavar="NAME", help="Engine for recipes; default: that of the first run.")
@click.option("--html", type=_PATH, metavar="FILE", help="Write the comparison as an HTML page with figures.")
@click.option("--json", "as_json", is_flag=True, help="Print only the comparison, as JSON.")
@click.option("--quiet", is_flag=True, help="Print only the verdicts.")
@_debug
def compare(
    given: tuple[Path, ...], project: Path | None, backend: str | None, html: Path | None, as_json: bool, quiet: bool
) -> int:
    """Compare refinement A with B and others. Each is a run folder, a .gpx, a recipe of a project, or a CIF.

    The verdict is one of: better and consistent, same, lower but unphysical, different structure, not comparable.
    """
    import json
    import shlex

    from rich.console import Console

    from autogsas.commands.compare import compare as compare_all
    from autogsas.commands.compare import write_page
    from autogsas.commands.comparison_terminal import show_comparison
    from autogsas.comparison.plain import plain_comparison
    from autogsas.pages.files import check_place

    if html is not None:
        check_place(html)  # before recipes are refined, which can take minutes
    with _watch(as_json, True if quiet else as_json) as progress:
        found = compare_all(*given, project=project, backend=backend, progress=progress)
    if html is not None:
        write_page(found, html, shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))
    if as_json:
        click.echo(json.dumps(plain_comparison(found), indent=1, ensure_ascii=False, allow_nan=False))
    elif quiet:
        for pair in found.pairs:
            click.echo(f"{pair.one.label} against {pair.two.label}: {pair.verdict.word}")
    else:
        show_comparison(found, Console())
        if html is not None:
            click.echo(f"wrote {html}")
    return 0


@cli.command()
@click.argument("folder", type=_PATH, metavar="RUN")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="0 takes a free port.",
)
@_debug
def dashboard(folder: Path, host: str, port: int) -> int:
    """Show the trials of the run folder RUN in a browser, each with its fit, until Ctrl-C.

    The run may still be in progress; its files are only read. Requires autogsas[dashboard].
    """
    from autogsas.commands.dashboard import serve

    serve(folder, host, port, click.echo)
    return 0


@cli.command()
@click.argument("project", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print all entries as JSON.")
@_debug
def inspect(project: Path, as_json: bool) -> int:
    """Show what PROJECT holds (a project file, its folder or a GSAS-II .gpx), without refining.

    Histograms and phases, and each refinement flag, constraint, restraint and setting with what a run does with it at
    present: searched, kept, fixed, not supported yet, or unknown. Nothing is written.
    """
    import json

    from rich.console import Console

    from autogsas.commands.inventory import inspect as inspect_project
    from autogsas.commands.inventory_terminal import plain_inventory, show_inventory

    found = inspect_project(project)
    if as_json:
        click.echo(json.dumps(plain_inventory(found), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        show_inventory(found, Console())
    return 0


@cli.command()
@click.argument("project", type=_PATH, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@_debug
def plugins(project: Path | None, as_json: bool) -> int:
    """List the plugins: where each comes from, which hooks it implements, and why one failed to load.

    With PROJECT, the plugin files of the project are listed too.
    """
    from autogsas.commands import inspection

    click.echo(inspection.plugins(project, as_json=as_json))
    return 0


@cli.command()
@click.argument("given", type=_PATH, metavar="REFINEMENT")
@click.option("--recipe", type=_PATH, metavar="FILE", help="Recipe to apply first, if REFINEMENT is a project.")
@click.option("--top", type=click.IntRange(min=1), default=12, show_default=True, help="Rows to show.")
@click.option("--json", "as_json", is_flag=True, help="Print all candidates as JSON.")
@_debug
def advise(given: Path, recipe: Path | None, top: int, as_json: bool) -> int:
    """Show what refining more parameters would bring to REFINEMENT: a .gpx, a run folder or a project.

    For each group that is not refined: the expected Rwp, the expected change of BIC and of the parameters, from the
    derivatives of the calculated pattern (score test). Nothing is written.
    """
    import json

    from rich.console import Console

    from autogsas.commands.advice_terminal import plain_advice, show_advice
    from autogsas.commands.advise import advise as find_advice

    found = find_advice(given, recipe=recipe)
    if as_json:
        click.echo(json.dumps(plain_advice(found), indent=1, ensure_ascii=False))
    else:
        show_advice(found, Console(), top)
    return 0


@cli.command()
@click.argument("folder", type=_PATH, metavar="RUN")
@click.option("--project", type=_PATH, metavar="PROJECT", help="Project file of the run, if it has moved.")
@click.option("--g", "factor", is_flag=True, help="RUN is of a pure standard: print its instrument factor G.")
@click.option("--crystallinity", type=float, default=1.0, show_default=True, help="Crystalline share of the standard.")
@click.option("--crystallinity-esd", type=click.FloatRange(min=0), default=0.0, show_default=True, help="Its esd.")
@click.option("--json", "as_json", is_flag=True, help="Print the amounts as JSON.")
@_debug
def quantify(
    folder: Path, project: Path | None, factor: bool, crystallinity: float, crystallinity_esd: float, as_json: bool
) -> int:
    """Show the amounts of the phases of the finished run RUN, by what its project file says now.

    A standard or particle radii that are added to the project file after the run count without refining again.
    Nothing is written.
    """
    import json

    from autogsas.commands import quantify as verb
    from autogsas.model.quantification import Share

    if factor:
        factors = verb.instrument_factor(folder, project, Share(crystallinity, crystallinity_esd or None))
        text = verb.show_factor(factors)
        data = verb.plain_quantified(factors)
    else:
        found = verb.quantified(folder, project)
        text = verb.show_quantified(found)
        data = verb.plain_quantified(found)
    click.echo(json.dumps(data, indent=1, ensure_ascii=False) if as_json else text)
    return 0


@cli.command()
@click.option("--backend", metavar="NAME", help="Exit with 0 if this backend works; default: if any works.")
@_debug
def doctor(backend: str | None) -> int:
    """Check the installation: versions, plugins, disk space, and each backend with a short refinement."""
    from autogsas.commands import inspection

    text, status = inspection.doctor(backend)
    click.echo(text)
    return status


@cli.command("check-backend")
@click.argument("name")
@click.option("--plugin", "files", type=_PATH, multiple=True, help="Plugin file that contains the backend.")
@_debug
def check_backend(name: str, files: tuple[Path, ...]) -> int:
    """Check whether the backend NAME conforms to the backend contract."""
    from autogsas.commands import inspection

    return inspection.check_backend(name, files, click.echo)


def _watch(as_json: bool, quiet: bool) -> AbstractContextManager[Any]:
    from contextlib import nullcontext

    from rich.console import Console

    from autogsas.commands.terminal import LiveProgress, PlainProgress

    console = Console(stderr=True)
    if quiet or (as_json and not console.is_terminal):
        return nullcontext()
    return LiveProgress(console) if console.is_terminal else PlainProgress(console)


def _show(found: FinishedRun, as_json: bool, quiet: bool) -> int:
    from rich.console import Console

    from autogsas.commands.terminal import show_run

    if as_json:
        click.echo((found.folder / "summary.json").read_text(encoding="utf-8"), nl=False)
    elif not quiet:
        show_run(found, Console())
    return found.exit_status


def _fail(message: str, status: int, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    print(f"autogsas: {message}", file=sys.stderr)
    sys.exit(status)


def main(args: list[str] | None = None, command: click.Command = cli, name: str = "autogsas") -> NoReturn:
    """Run a command line and exit with its status; an internal error exits with 70."""
    given = sys.argv[1:] if args is None else args
    debug = "--debug" in given
    try:
        status = command.main(given, prog_name=name, standalone_mode=False)
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx is not None else ""
        _fail(f"{' '.join(error.format_message().split())}{where}", 2, debug)
    except click.exceptions.Abort:
        _fail("interrupted", 130, debug)
    except click.ClickException as error:
        _fail(error.format_message(), 2, debug)
    except KeyboardInterrupt:
        _fail("interrupted", 130, debug)
    except AutogsasError as error:
        _fail(str(error), error.exit_status, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:  # noqa: BLE001  users get one line instead of a traceback
        _fail(f"internal error, {type(error).__name__}: {error}; add --debug for the traceback", 70, debug)
    sys.exit(status if isinstance(status, int) else 0)
