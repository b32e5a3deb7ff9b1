"""The command line. What a command needs is imported when it runs, so that help comes at once."""

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
Exit status: 0 done; 1 ran, nothing usable found; 2 a mistake in the input;
3 a backend is missing or broken; 130 interrupted, all finished trials kept."""
_PATH = click.Path(path_type=Path)
_figures = click.option("--figures", default="", metavar="pdf,svg,png", help="Also figures for print.")


class _Nearest(click.Group):
    """A group that names the nearest command for an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            close = nearest(args[0], self.list_commands(ctx))
            hint = f" Did you mean {close!r}?" if close else f" Commands: {', '.join(self.list_commands(ctx))}."
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


class _Duration(click.ParamType):  # type: ignore[type-arg]  # older versions of click know no argument
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from autogsas.model.project import seconds

        try:
            found = seconds(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        if found <= 0:
            self.fail(f"{value!r}: a duration is more than nothing", param, ctx)
        return found


class _Scout(click.ParamType):  # type: ignore[type-arg]  # older versions of click know no argument
    name = "auto|off|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in ("auto", "off"):
            return value
        if not str(value).isdigit() or int(value) < 1:
            self.fail(f"{value!r} is not auto, off or a number of trials", param, ctx)
        return int(value)


def _shared(*, search: bool) -> Callable[[Command], Command]:
    options = [
        click.option(
            "--backend",
            metavar="NAME",
            help="The engine, or auto; default: the project's.",
        ),
        click.option("--out", type=_PATH, metavar="DIR", help="Where results go; default: runs/NAME-N by the project."),
        click.option("--timeout", type=_Duration(), help="For the whole run, such as 90s, 10m, 1.5h."),
        click.option("--json", "as_json", is_flag=True, help="Print summary.json to standard output and nothing else."),
        click.option("--quiet", is_flag=True, help="Print nothing but errors."),
        _figures,
    ]
    if search:
        options += [
            click.option("--trials", type=click.IntRange(min=1), help="How many trials, those resumed from included."),
            click.option("--jobs", type=click.IntRange(1, 256), help="Trials at a time; a run repeats with the same."),
            click.option("--seed", type=click.IntRange(min=0), help="The same seed, the same proposals."),
            click.option("--patience", type=click.IntRange(min=1), help="Stop after so many trials without gain."),
            click.option("--scout", type=_Scout(), help="Search with a faster engine first: auto, off, or N trials."),
            click.option("--like", type=_PATH, metavar="RUN", help="Try the best recipes of an earlier run first."),
            click.option("--resume", is_flag=True, help="Go on with the last run, or the one in --out."),
        ]

    def decorate(command: Command) -> Command:
        for option in reversed([*options, _debug]):
            command = option(command)
        return command

    return decorate


_debug = click.option("--debug", is_flag=True, expose_value=False, help="Show where an error came from.")


@click.group(cls=_Nearest, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_STATUS)
@click.version_option(__version__, message="autogsas %(version)s")
def cli() -> None:
    """Automatic Rietveld refinement as a search over how to refine."""


@cli.command(epilog=_STATUS)
@click.argument("project", type=_PATH)
@_shared(search=True)
def run(project: Path, as_json: bool, quiet: bool, **options: Any) -> int:
    """Refine PROJECT, a project file, its folder or a GSAS-II .gpx, by a search over recipes.

    Hand-made recipes are tried first, then the sampler proposes. Ctrl-C keeps all finished trials; --resume goes on.
    """
    from autogsas.commands import verbs

    with _watch(as_json, quiet) as progress:
        found = verbs.run(project, verbs.RunRequest(**options), progress=progress)
    return _show(found, as_json, quiet)


@cli.command(epilog=_STATUS)
@click.argument("project", type=_PATH)
@click.option("--recipe", required=True, type=_PATH, metavar="FILE", help="A recipe, such as best.recipe.yaml.")
@_shared(search=False)
def refine(project: Path, recipe: Path, as_json: bool, quiet: bool, **options: Any) -> int:
    """Refine PROJECT by one recipe, without a search."""
    from autogsas.commands import verbs

    with _watch(as_json, quiet) as progress:
        found = verbs.refine(project, recipe, verbs.RefineRequest(**options), progress=progress)
    return _show(found, as_json, quiet)


@cli.command()
@click.argument("data", type=_PATH, nargs=-1, required=True)
@click.option("--phase", "phases", type=_PATH, multiple=True, required=True, help="A CIF; may be given again.")
@click.option("--instrument", type=_PATH, help="A GSAS .prm/.inst or GSAS-II .instprm file.")
@click.option("--name", help="A title; default: the folder's name.")
@click.option("--radiation", type=click.Choice(["xray", "neutron"]))
@click.option("--geometry", type=click.Choice(["Bragg-Brentano", "Debye-Scherrer"], case_sensitive=False))
@click.option("--wavelength", type=float, multiple=True, help="Angstrom; twice for K-alpha1 and K-alpha2.")
@click.option("--limits", type=float, nargs=2, help="2theta range in degrees.")
@click.option("--out", "target", type=_PATH, default=Path(), metavar="DIR", help="Folder of the new project.yaml.")
@_debug
def init(**given: Any) -> int:
    """Write a commented project.yaml for DATA, after reading everything it names."""
    from autogsas.input.initialise import write_project

    click.echo(f"wrote {write_project(**given)}")
    return 0


@cli.command()
@click.argument("folder", type=_PATH, metavar="RUN")
@_figures
@_debug
def report(folder: Path, figures: str) -> int:
    """Write report.html of the run folder RUN again."""
    from autogsas.commands import verbs

    done = verbs.report(folder, figures=figures)
    for notice in done.notices:
        click.echo(notice, err=True)
    click.echo(f"wrote {done.page}")
    return 0


@cli.command()
@click.argument("given", type=_PATH, nargs=-1, required=True, metavar="A B [C ...]")
@click.option("--project", type=_PATH, metavar="PROJECT", help="What recipes are for, where it is not beside them.")
@click.option("--backend", metavar="NAME", help="The engine for recipes; default: that of the first run.")
@click.option("--html", type=_PATH, metavar="FILE", help="Write the comparison as a page with pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON and nothing else.")
@click.option("--quiet", is_flag=True, help="Print the verdicts and nothing else.")
@_debug
def compare(
    given: tuple[Path, ...], project: Path | None, backend: str | None, html: Path | None, as_json: bool, quiet: bool
) -> int:
    """Compare refinement A with B and others: each the folder of a run, a .gpx, a recipe with its project, or a CIF.

    The verdict is one of: better and consistent, same, lower but unphysical, different structure, not comparable.
    """
    import json
    import shlex

    from rich.console import Console

    from autogsas.commands.comparing import compare as compare_all
    from autogsas.commands.comparing import write_page
    from autogsas.commands.sidebyside import show_comparison
    from autogsas.comparison.plain import plain_comparison
    from autogsas.pages.files import check_place

    if html is not None:
        check_place(html)  # before recipes are refined, which may take minutes
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
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; this machine alone.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any that is free.")
@_debug
def dashboard(folder: Path, host: str, port: int) -> int:
    """Show the study of the run folder RUN in a browser, with the fit of each trial, until Ctrl-C.

    The run may still be going on; its files are only read. Needs autogsas[dashboard].
    """
    from autogsas.commands.dashboard import serve

    serve(folder, host, port, click.echo)
    return 0


@cli.command()
@click.argument("project", type=_PATH, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@_debug
def plugins(project: Path | None, as_json: bool) -> int:
    """Show what is loaded, from where, which hooks it implements, and what failed. With PROJECT, its own files too."""
    from autogsas.commands import inspection

    click.echo(inspection.plugins(project, as_json=as_json))
    return 0


@cli.command()
@click.option("--backend", metavar="NAME", help="The exit status says whether this one works; else, whether any does.")
@_debug
def doctor(backend: str | None) -> int:
    """Check this installation: versions, plugins, room for trials, and each backend by a short refinement."""
    from autogsas.commands import inspection

    text, status = inspection.doctor(backend)
    click.echo(text)
    return status


@cli.command("check-backend")
@click.argument("name")
@click.option("--plugin", "files", type=_PATH, multiple=True, help="A file of hooks that brings the backend.")
@_debug
def check_backend(name: str, files: tuple[Path, ...]) -> int:
    """Run the conformance checks on backend NAME: does it keep the contract?"""
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
    """Run a command line and exit with its status; an error of autogsas itself exits with 70."""
    given = sys.argv[1:] if args is None else args
    debug = "--debug" in given
    try:
        status = command.main(given, prog_name=name, standalone_mode=False)
    except click.UsageError as error:
        where = f" ({error.ctx.command_path} --help says more)" if error.ctx is not None else ""
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
    except Exception as error:  # noqa: BLE001  the last line of defence: one line unless asked for more
        _fail(f"internal error, {type(error).__name__}: {error}; --debug shows where", 70, debug)
    sys.exit(status if isinstance(status, int) else 0)
