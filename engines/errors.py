"""Errors that engines raise. Each says what is wrong, where, and what to do."""


class EngineError(Exception):
    """Base of all engine errors."""


class BadBars(EngineError):
    """Bars that break a rule of the normal form. Nothing was advanced.

    Attributes
    ----------
    row : int
        Zero-based index of the first bad row in the frame or arrays passed in; -1 if the frame as a whole is bad.
    rule : str
        The rule that row breaks, in words.
    """

    def __init__(self, rule: str, row: int = -1) -> None:
        self.rule = rule
        self.row = row
        where = f"row {row}: " if row >= 0 else ""
        super().__init__(f"bad bars: {where}{rule}")


class StateMismatch(EngineError):
    """A snapshot that belongs to another engine, version or parameter set."""


class BadParameter(EngineError, ValueError):
    """A parameter an engine cannot be built with."""


class KernelCacheNotWritable(EngineError):
    """A kernel had to be compiled and cannot be kept."""
