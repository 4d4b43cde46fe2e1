"""The ``cap`` command line: names, options and exit codes. What a command does is in the module of its name.

Nothing heavy is imported here, so that ``cap --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.errors import CommandFailed, WrongUse

EXIT_FAILED = 1
EXIT_WRONG_USE = 2

app = typer.Typer(
    name="cap",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Folder of this instance's data.  [default: CAP_HOME, or .cap]"),
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks and the output of every library.")]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", metavar="SOURCE", help="exchange, files:PATH, or sim (a simulated market)."),
]
MarketOption = Annotated[
    list[str] | None,
    typer.Option("--market", metavar="MARKET", help="As in binance:BTCUSDT; may be given several times."),
]
TimeframeOption = Annotated[
    list[str] | None,
    typer.Option("--timeframe", metavar="TF", help="As in 15m or 1h; may be given several times."),
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="First day, UTC, as in 2024-01-01."),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", help="Last day, UTC; the whole day is included."),
]
StrategiesOption = Annotated[
    Path | None,
    typer.Option("--strategies", metavar="DIR", help="Folder of strategies of your own.  [default: CAP_STRATEGIES]"),
]


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Crypto Analytics Platform: market data in, trading signals out."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(EXIT_WRONG_USE)


@app.command()
def up(
    source: SourceOption = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    strategies: StrategiesOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background; stop with 'cap down'.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Run the platform: stores, graph, API, Dagster UI. Ctrl-C stops it.

    What is not given is as it was the last time. Without a source the exchange is tried; if it does not answer, a
    simulated market takes its place, and everything that shows it says so.
    """
    from deploy.cli.options import Options
    from deploy.cli.up import run_detached, run_platform

    options = Options.of(source, market, timeframe, since, until, strategies)
    if detach:
        run_detached(options, home, debug=debug)
    else:
        run_platform(options, home, debug=debug)


@app.command()
def run(
    source: SourceOption = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    strategies: StrategiesOption = None,
    recompute: Annotated[bool, typer.Option("--recompute", help="Make rows anew that stand already.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Run the whole graph once, print a summary and exit."""
    from deploy.cli.options import Options
    from deploy.cli.run import run_once

    run_once(Options.of(source, market, timeframe, since, until, strategies), home, recompute=recompute, debug=debug)


@app.command()
def migrate(
    to: Annotated[str | None, typer.Option("--to", metavar="REV", help="Forward to this revision.")] = None,
    down: Annotated[str | None, typer.Option("--down", metavar="REV", help="Back to this revision, or base.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say; exit code 1 if behind.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Bring the schemas of the stores to this version."""
    del debug
    from deploy.cli.migrate import migrate as migrate_stores

    migrate_stores(home, to=to, down=down, check=check)


@app.command()
def backup(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write, as in monday.tar.zst.")],
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Write everything that cannot be made again into one file."""
    del debug
    from deploy.cli.backup import back_up

    back_up(out, home)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'cap backup' wrote.", exists=True, dir_okay=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Replace what the target holds.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Put a backup back; every byte is checked first."""
    del debug
    from deploy.cli.backup import restore as restore_file

    restore_file(file, home, replace=replace)


@app.command()
def seed(home: HomeOption = None, debug: DebugOption = False) -> None:
    """Make accounts to try the platform with, on this machine only."""
    del debug
    from deploy.cli.seed import seed as make_accounts

    make_accounts(home)


users_app = typer.Typer(help="Accounts: make, list, promote.", no_args_is_help=True)
app.add_typer(users_app, name="users")
EmailArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address.")]


@users_app.command("create")
def create_user(
    email: EmailArgument,
    admin: Annotated[bool, typer.Option("--admin", help="An administrator.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Make an account; the password is asked for, or read from standard input."""
    del debug
    from deploy.cli.users import create

    create(email, admin=admin, password=None, home=home)


@users_app.command("promote")
def promote_user(email: EmailArgument, home: HomeOption = None, debug: DebugOption = False) -> None:
    """Make somebody an administrator."""
    del debug
    from deploy.cli.users import promote

    promote(email, home)


@users_app.command("list")
def list_users(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """List the accounts."""
    del debug
    from deploy.cli.users import show

    show(home, as_json=as_json)


@users_app.command("verify-log")
def verify_log(home: HomeOption = None, debug: DebugOption = False) -> None:
    """Check that no record of the audit log was altered or taken out."""
    del debug
    from deploy.cli.users import verify_log as verify

    verify(home)


@app.command()
def chart(
    market: Annotated[str, typer.Option("--market", metavar="MARKET", help="As in binance:BTCUSDT.")],
    timeframe: Annotated[str, typer.Option("--timeframe", metavar="TF", help="As in 15m or 1h.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="SVG file to write.")],
    bars: Annotated[int, typer.Option("--bars", min=20, max=2000, help="Bars on the chart.")] = 200,
    until: UntilOption = None,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Draw stored candles with zones, structure and signals."""
    del debug
    from deploy.cli.chart import draw_chart

    draw_chart(market, timeframe, out, bars=bars, until=until, home=home)


@app.command()
def audit(
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    prefixes: Annotated[int, typer.Option("--prefixes", min=2, metavar="N", help="Places to replay from.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Other seeds look at other places.")] = 1,
    function: Annotated[
        str | None,
        typer.Option(
            "--function", metavar="FILE:NAME", help="Audit this function of bars instead of the stored tables."
        ),
    ] = None,
    strategy: Annotated[
        Path | None,
        typer.Option("--strategy", metavar="FILE", help="Audit the strategies of this file instead."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Replay stored bars and report readings that are rewritten, withdrawn or late. There must be none.

    Without a market or timeframe all that is stored is audited.
    """
    del debug
    from deploy.cli.audit import AuditOptions, audit_stores
    from deploy.cli.options import Options

    series = Options.of(None, market, timeframe, since, until)
    audit_stores(AuditOptions(series, prefixes, seed, function, strategy), home, as_json=as_json)


@app.command()
def risk(
    rejections: Annotated[int, typer.Option("--rejections", min=0, metavar="N", help="Newest refusals to show.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Show the paper account: its state, exposure by cluster, value at risk, and what it refused, by which rule."""
    del debug
    from deploy.cli.risk import show_risk

    show_risk(home, rejections=rejections, as_json=as_json)


@app.command()
def backtest(
    strategy: Annotated[str, typer.Option("--strategy", metavar="NAME", help="As 'cap strategy list' names it.")],
    market: MarketOption = None,
    timeframe: Annotated[str, typer.Option("--timeframe", metavar="TF", help="As in 15m or 1h.")] = "15m",
    since: Annotated[
        str | None,
        typer.Option(
            "--from", "--since", metavar="DATE", help="First day that is traded, UTC; bars before it warm up."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", "--until", metavar="DATE", help="Last day, UTC; the whole day is included.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="SOURCE", help="stored, sim, files:PATH or exchange.  [default: stored]"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A field of the configuration (size=0.02) or a parameter of the strategy.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="JSON or TOML file of configuration fields.")
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary", metavar="NAME=A,B,C", help="Try these values: a sweep, or what walk-forward chooses from."
        ),
    ] = None,
    walk_forward: Annotated[
        bool, typer.Option("--walk-forward", help="Choose in one window, trade in the next: results out of sample.")
    ] = False,
    train: Annotated[int, typer.Option("--train", min=1, metavar="DAYS", help="Length of a window to choose in.")] = 90,
    test: Annotated[int, typer.Option("--test", min=1, metavar="DAYS", help="Length of a window to trade in.")] = 30,
    anchored: Annotated[
        bool, typer.Option("--anchored", help="Let every window to choose in begin at the first bar.")
    ] = False,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="FILE", help="Keep a sweep's results here and go on from them.")
    ] = None,
    robustness: Annotated[
        bool, typer.Option(help="Random entries, resampling, dearer costs, neighbouring parameters.")
    ] = True,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="HTML page to write.")] = None,
    as_json: Annotated[str | None, typer.Option("--json", metavar="FILE", help="JSON file to write, or - .")] = None,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="DIR", help="Folder for trades, fills and equity.")
    ] = None,
    strategies: StrategiesOption = None,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Trade a strategy on past bars, after fees, slippage and funding, and say honestly what that proves."""
    del debug
    from dataclasses import replace

    from deploy.backtests.studies import BacktestOptions, WalkForwardOptions
    from deploy.cli.backtest import run_backtest
    from deploy.cli.given_bars import STORED
    from deploy.cli.options import Options

    series = Options.of(None if source == STORED else source, market, [timeframe], since, until, strategies)
    options = BacktestOptions(
        strategy=strategy,
        series=replace(series, source=STORED) if source == STORED else series,
        settings=tuple(settings or ()),
        config=config,
        varied=tuple(vary or ()),
        walk_forward=WalkForwardOptions(train, test, anchored) if walk_forward else None,
        resume=resume,
        robust=robustness,
        report=report,
        parquet=parquet,
        as_json=as_json,
    )
    run_backtest(options, home)


@app.command()
def mail(
    last: Annotated[bool, typer.Option("--last", help="The newest one, whole.")] = False,
    link: Annotated[bool, typer.Option("--link", help="Only the newest link that was mailed.")] = False,
    token: Annotated[bool, typer.Option("--token", help="Only the newest token that was mailed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Show mails that the local mail server has kept. Nothing is sent out unless CAP_SMTP_URL is set."""
    del debug
    from deploy.cli.mail import show_mails

    show_mails(home, last=last, as_json=as_json, link=link, token=token)


@app.command()
def down(home: HomeOption = None, debug: DebugOption = False) -> None:
    """Stop the platform, wherever it was started."""
    del debug
    from deploy.cli.down import stop_platform

    stop_platform(home)


@app.command()
def indicators(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD", help="Only columns with one of these in their name or source."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="UNIT", help="Only columns of this unit, as in price or percent.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """List the indicator columns: formula, source, leading nulls (lookback), unit."""
    del home, debug
    from deploy.cli.indicators import show_indicators

    show_indicators(words or [], unit, as_json=as_json)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs; with credentials.")] = False,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Show what runs, where, and whether it answers."""
    del debug
    from deploy.cli.status import show_status

    show_status(home, as_json=as_json)


@app.command()
def api(
    service: Annotated[
        list[str] | None,
        typer.Option(
            "--service",
            metavar="SERVICE",
            help="auth, users, subscriptions, signals, market-data, admin or all; may be given several times.",
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Listen here.  [default: CAP_API_HOST]")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="And on this port.  [default: CAP_API_PORT]")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, metavar="N", help="Processes.")] = 1,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Serve the API, or some of its services, on stores that run. SIGTERM drains it: no request fails."""
    del debug
    from deploy.cli.api import serve

    serve(home, service or ["all"], host, port, workers)


@app.command()
def gateway(
    replicas: Annotated[
        int, typer.Option("--replicas", min=1, max=64, metavar="N", help="Processes of the API to run behind it.")
    ] = 2,
    upstream: Annotated[
        list[str] | None,
        typer.Option(
            "--upstream",
            metavar="[SERVICE=]HOST:PORT",
            help="A process of the API that runs already, instead of own ones; may be given several times.",
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Listen here.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="HTTPS.")] = 8443,
    http_port: Annotated[
        int | None, typer.Option("--http-port", min=1, max=65_535, help="Plain HTTP, sent on to HTTPS.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="PEM.  [default: one of its own]")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="PEM, of the certificate.")] = None,
    name: Annotated[str, typer.Option("--name", metavar="HOST", help="Name it answers to.  [default: any]")] = "_",
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Run nginx before replicas of the API: TLS, balancing, limits. It needs nginx on this machine."""
    del debug
    from deploy.cli.gateway import GatewayOptions, serve

    serve(home, GatewayOptions(replicas, tuple(upstream or ()), host, port, http_port, certificate, key, name))


@app.command()
def worker(home: HomeOption = None, debug: DebugOption = False) -> None:
    """Send what waits to be sent, and do the periodic duties, until told to stop. Any number may run side by side."""
    del debug
    from deploy.cli.worker import work

    work(home)


@app.command()
def backtester(home: HomeOption = None, debug: DebugOption = False) -> None:
    """Run the backtests that people ask for in the dashboard or by the API, until told to stop."""
    del debug
    from deploy.cli.backtester import run_backtests

    run_backtests(home)


@app.command()
def warm(home: HomeOption = None, debug: DebugOption = False) -> None:
    """Compile every kernel ahead of the first run."""
    del home, debug
    from deploy.cli.warm import warm_kernels

    warm_kernels()


own = typer.Typer(help="Strategies of your own: write, check, list.", rich_markup_mode=None)
app.add_typer(own, name="strategy")


@own.callback(invoke_without_command=True)
def own_root(context: typer.Context) -> None:
    """Strategies of your own: write, check, list."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(EXIT_WRONG_USE)


@own.command("check")
def strategy_check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Python file of a strategy.")],
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="SOURCE", help="sim, files:PATH, exchange, or stored.  [default: sim]"),
    ] = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Say whether a strategy looks ahead, repaints, forgets or fails, by replaying it over bars in every way there is."""
    del debug
    from dataclasses import replace

    from deploy.cli.given_bars import STORED
    from deploy.cli.options import Options
    from deploy.cli.strategy import check_file

    options = Options.of(None if source == STORED else source, market, timeframe, since, until)
    check_file(file, replace(options, source=STORED) if source == STORED else options, home)


@own.command("new")
def strategy_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the strategy, as in my_breakout.")],
    strategies: StrategiesOption = None,
    home: HomeOption = None,
    debug: DebugOption = False,
) -> None:
    """Write a commented strategy to begin with, into the folder of strategies (else into ./strategies)."""
    del debug
    from deploy.cli.strategy import new_file

    new_file(name, home, strategies)


@own.command("list")
def strategy_list(strategies: StrategiesOption = None, home: HomeOption = None, debug: DebugOption = False) -> None:
    """List all strategies, with version, file and parameters."""
    del debug
    from deploy.cli.strategy import list_strategies

    list_strategies(home, strategies)


def _sentence(text: str) -> str:
    """One line: a person reads it, a log keeps it."""
    return " ".join(text.split())


def _complain(text: str) -> None:
    typer.echo(f"cap: {_sentence(text)}", err=True)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong use."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    try:
        code = app(arguments, prog_name="cap", standalone_mode=False)
    except WrongUse as error:
        if debug:
            raise
        _complain(str(error))
        code = EXIT_WRONG_USE
    except typer.Abort:
        code = EXIT_FAILED
    except Exception as error:
        if debug:
            raise
        code = _explain(error)
    sys.stdout.flush()
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> int:
    """Say what went wrong; the exit code for it."""
    shown = getattr(error, "format_message", None)
    if shown is not None:
        code = int(getattr(error, "exit_code", EXIT_FAILED))
        hint = "; 'cap --help' shows what is possible" if code == EXIT_WRONG_USE else ""
        _complain(f"{shown().rstrip('.')}{hint}")
        return code
    if isinstance(error, BrokenPipeError):
        # The reader went away, as in 'cap status | head -1'; the interpreter would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    if isinstance(error, CommandFailed) or _is_ours(error):
        _complain(str(error))
    else:
        _complain(f"something unforeseen went wrong ({type(error).__name__}: {error}); run it again with --debug")
    return EXIT_FAILED


def _is_ours(error: Exception) -> bool:
    """Whether the message was written for the person at the terminal."""
    return any(
        f"{kind.__module__}.{kind.__name__}"
        in (
            "deploy.charts.scene.NothingToDraw",
            "deploy.local.errors.LocalStackError",
            "orchestration.pipeline_request.PipelineError",
            "stores.settings.MissingStore",
        )
        for kind in type(error).__mro__
    )


if __name__ == "__main__":
    main()
