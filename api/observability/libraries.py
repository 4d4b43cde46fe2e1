"""Logs of libraries, of the server and of crashes, in the same form as ours and without secrets."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

import structlog

from api import logs
from stores.settings import Settings

# They write every address that is asked for, with its query.
_TOO_TALKATIVE = ("httpx", "httpcore", "urllib3", "asyncio.sslproto", "stripe", "websockets")


def adopt(settings: Settings) -> None:
    """Send everything that is logged in this process through our formatter. For processes of ours, not for libraries."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *logs.stamps()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *logs.endings(settings)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _TOO_TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(capture=True)
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger("api").critical("crashed", exc_info=(kind, error, trace))


def _thread_crashed(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _crashed(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
