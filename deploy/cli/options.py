"""What to ingest: from the command line, else the environment, else the last time, else the defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deploy.cli.errors import WrongUse
from orchestration.pipeline_request import PipelineRequest
from stores.markets import Market
from stores.settings import Settings

_FIELDS = ("source", "markets", "timeframes", "since", "until", "strategies")


@dataclass(frozen=True)
class Options:
    """Options as given on the command line; None where not given."""

    source: str | None = None
    markets: tuple[str, ...] | None = None
    timeframes: tuple[str, ...] | None = None
    since: date | None = None
    until: date | None = None
    strategies: Path | None = None

    @classmethod
    def of(
        cls,
        source: str | None,
        markets: Sequence[str] | None,
        timeframes: Sequence[str] | None,
        since: str | None,
        until: str | None,
        strategies: Path | None = None,
    ) -> Options:
        """Check what was typed.

        Raises
        ------
        WrongUse
            If a value is not one of its kind.
        """
        options = cls(
            source=_absolute(source) if source else None,
            markets=tuple(dict.fromkeys(markets)) if markets else None,
            timeframes=tuple(dict.fromkeys(timeframes)) if timeframes else None,
            since=_day("--since", since) if since else None,
            until=_day("--until", until) if until else None,
            strategies=strategies.expanduser().absolute() if strategies else None,
        )
        options.check()
        return options

    def check(self) -> None:
        """Refuse values that cannot be meant.

        Raises
        ------
        WrongUse
            With what would be right.
        """
        from engines.ingestion.opening import parse_source
        from engines.ingestion.source import SourceError
        from engines.timeframe import Timeframe

        try:
            if self.source is not None:
                parse_source(self.source)
            for market in self.markets or ():
                Market.parse(market)
            for timeframe in self.timeframes or ():
                Timeframe(timeframe)
        except (ValueError, SourceError) as error:
            raise WrongUse(str(error)) from None
        if self.strategies is not None and not self.strategies.is_dir():
            raise WrongUse(
                f"the folder of strategies {self.strategies} does not exist; make it, or name another with --strategies"
            )
        if self.since is not None and self.until is not None and self.until < self.since:
            raise WrongUse(f"--until {self.until} is before --since {self.since}; swap them")

    def over(self, settings: Settings, remembered: Mapping[str, Any] | None = None) -> Settings:
        """Settings with these options over the environment's, and those over the ones remembered.

        Parameters
        ----------
        settings : Settings
            Read from the environment.
        remembered : mapping, optional
            What `remember` returned the last time.
        """
        update: dict[str, object] = {
            name: value for name, value in _recalled(remembered).items() if name not in settings.model_fields_set
        }
        if self.since is not None or self.until is not None:
            # A span is meant as a whole: half of an old one beside half of a new one is nobody's wish.
            update |= {"since": None, "until": None}
        update |= {name: getattr(self, name) for name in _FIELDS if getattr(self, name) is not None}
        merged = settings.model_copy(update=update)
        replace(self, since=merged.since, until=merged.until, strategies=merged.strategies).check()
        return merged


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{option}: {text!r} is not a day; write it as in 2024-01-31") from None


def _absolute(source: str) -> str:
    # Other processes read it too, from other folders.
    kind, colon, place = source.partition(":")
    return f"files:{Path(place).expanduser().absolute()}" if kind == "files" and colon and place else source


def read_settings(home: Path | None) -> Settings:
    """Read the environment.

    Raises
    ------
    WrongUse
        If a variable has a value that is not one of its kind.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise WrongUse(f"CAP_{name} cannot be used: {first['msg']}") from None
    return settings if home is None else settings.model_copy(update={"home": home})


def remember(settings: Settings) -> dict[str, object]:
    """Options in a form that JSON can hold, for the next time."""
    return {
        "source": settings.source,
        "markets": list(settings.markets),
        "timeframes": list(settings.timeframes),
        "since": settings.since.isoformat() if settings.since else None,
        "until": settings.until.isoformat() if settings.until else None,
        "strategies": str(settings.strategies.absolute()) if settings.strategies else None,
    }


def _recalled(stored: Mapping[str, Any] | None) -> dict[str, object]:
    if not stored:
        return {}
    try:
        return {
            "source": str(stored["source"]),
            "markets": tuple(map(str, stored["markets"])),
            "timeframes": tuple(map(str, stored["timeframes"])),
            "since": date.fromisoformat(stored["since"]) if stored["since"] else None,
            "until": date.fromisoformat(stored["until"]) if stored["until"] else None,
            "strategies": Path(stored["strategies"]) if stored.get("strategies") else None,
        }
    except (KeyError, TypeError, ValueError):
        # Written by another version or damaged: it is a convenience, so start from the defaults.
        return {}


def request_of(settings: Settings, *, recompute: bool = False) -> PipelineRequest:
    """Make a run's request of settings."""
    return PipelineRequest(
        source=settings.source,
        markets=settings.markets,
        timeframes=settings.timeframes,
        since=settings.since,
        until=settings.until,
        recompute=recompute,
    )
