"""Writes nginx's configuration: which service is where, and how each is reached."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from deploy.local.home import write_private

_TEMPLATE = Path(__file__).with_name("nginx.conf.template")
_STREAMS = "-streams"
_ANYTHING = "everything"
"""Name of the upstream for paths that belong to no service, such as the description of the API."""

_PROBLEMS = {
    400: ("Bad request", "this is not a request that HTTP allows"),
    404: ("Nothing is here", "there is nothing at this path; /openapi.json lists what there is"),
    408: ("Too slow", "the request did not arrive in time; send it again"),
    413: ("Request too large", "send a smaller body"),
    414: ("Address too long", "send a shorter path and query"),
    429: ("Too many connections", "close some connections first"),
    431: ("Headers too large", "send fewer or shorter headers"),
    502: ("No replica answers", "try again shortly"),
    504: ("No answer in time", "try again shortly"),
}
_RETRIED_LATER = frozenset({429, 502, 504})


class _At(Template):
    """nginx has variables of its own that begin with a dollar."""

    delimiter = "@"


@dataclass(frozen=True)
class Gateway:
    """What a gateway is to do.

    Attributes
    ----------
    folder : pathlib.Path
        For its configuration, logs and temporary files.
    replicas : mapping of str to sequence of str
        Addresses (``host:port``) by service; under ``all`` those that run every service.
    certificate, key : pathlib.Path
    host : str
    port : int
    redirect_port : int, optional
        Where plain HTTP is answered with a redirect.
    server_name : str
        Name it answers to; ``_`` for any.
    body_bytes : int
        Largest body; what the API reads.
    header_s, body_s : int
        Seconds a client has for its headers, and between two reads of its body.
    answer_s : int
        Seconds a replica has for an answer.
    shutdown_s : int
        Seconds until open streams are cut when it stops.
    connections_per_address : int
    failures_s : int
        Seconds for which a replica that failed is left alone.
    """

    folder: Path
    replicas: Mapping[str, tuple[str, ...]]
    certificate: Path
    key: Path
    host: str = "127.0.0.1"
    port: int = 8443
    redirect_port: int | None = None
    server_name: str = "_"
    body_bytes: int = 65_536
    header_s: int = 10
    body_s: int = 10
    answer_s: int = 30
    shutdown_s: int = 10
    connections_per_address: int = 512
    failures_s: int = 1
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """First words of the paths of each service; asked of the API if not given."""

    @property
    def configuration(self) -> Path:
        """The file for ``nginx -c``."""
        return self.folder / "nginx.conf"


def render(gateway: Gateway) -> Path:
    """Write the configuration.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If a service has no replica.
    """
    gateway.folder.mkdir(parents=True, exist_ok=True)
    # The processes that serve run as nobody and have to get through.
    gateway.folder.chmod(0o711)
    (gateway.folder / "temporary").mkdir(exist_ok=True)
    files = _files()
    text = _At(_TEMPLATE.read_text()).substitute(
        {
            "workers": str(min(os.cpu_count() or 1, 8)),
            "files": str(files),
            "connections": str(max(512, files // 2)),
            "folder": str(gateway.folder),
            "certificate": str(gateway.certificate),
            "key": str(gateway.key),
            "listen": _listen(gateway.host, gateway.port),
            "server_name": gateway.server_name,
            "body_bytes": str(gateway.body_bytes),
            "header_s": str(gateway.header_s),
            "body_s": str(gateway.body_s),
            "answer_s": str(gateway.answer_s),
            "shutdown_s": str(gateway.shutdown_s),
            "connections_per_address": str(gateway.connections_per_address),
            "upstreams": "\n".join(_upstreams(gateway)),
            "locations": "\n".join(_locations(gateway)),
            "problems": "\n".join(_problem(status, title, detail) for status, (title, detail) in _PROBLEMS.items()),
            "redirect": _redirect(gateway),
        }
    )
    write_private(gateway.configuration, text)
    return gateway.configuration


def paths_of_services() -> dict[str, tuple[str, ...]]:
    """First words of the paths that each service answers, such as ``/v1/candles``, from the API's own routers."""
    from api.main import SERVICES

    return {
        service.value: tuple(
            dict.fromkeys("/".join(route.path.split("/")[:3]) for module in modules for route in module.router.routes)
        )
        for service, modules in SERVICES.items()
    }


def _files() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else 65_536
    return max(soft, min(most, 65_536))


def _listen(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _redirect(gateway: Gateway) -> str:
    if gateway.redirect_port is None:
        return ""
    return (
        f"    server {{\n        listen {_listen(gateway.host, gateway.redirect_port)};\n"
        f"        server_name {gateway.server_name};\n"
        f"        return 308 https://$host:{gateway.port}$request_uri;\n    }}\n"
    )


def _addresses(gateway: Gateway, service: str) -> tuple[str, ...]:
    found = (*gateway.replicas.get(service, ()), *gateway.replicas.get("all", ()))
    if not found:
        raise ValueError(f"the gateway knows no replica of the service {service}")
    return tuple(dict.fromkeys(found))


def _upstreams(gateway: Gateway) -> Iterable[str]:
    services = {service: _addresses(gateway, service) for service in _paths(gateway)}
    everything = gateway.replicas.get("all") or tuple(dict.fromkeys(a for found in services.values() for a in found))
    # A stream that is refused goes to another replica; that is no reason to leave the first one alone.
    streams = {f"{service}{_STREAMS}": addresses for service, addresses in services.items()}
    for name, addresses in {**services, **streams, _ANYTHING: everything}.items():
        yield f"    upstream {name} {{"
        yield f"        zone {name} 128k;"
        yield "        least_conn;"
        failures = 0 if name in streams else 1
        for address in addresses:
            yield f"        server {address} max_fails={failures} fail_timeout={gateway.failures_s}s;"
        yield "        keepalive 64;"
        # Shorter than a replica drains, so that none of these is open when it closes them.
        yield "        keepalive_timeout 4s;"
        yield "    }"


def _paths(gateway: Gateway) -> Mapping[str, tuple[str, ...]]:
    found = gateway.paths or paths_of_services()
    return {service: paths for service, paths in found.items() if paths}


def _locations(gateway: Gateway) -> Iterable[str]:
    yield "        location = /healthz { proxy_pass http://everything; }"
    for service, paths in _paths(gateway).items():
        words = "|".join(path.replace(".", r"\.") for path in paths)
        # Streams: nothing is held back, nothing is cut while heartbeats come, and a replica that closes is passed over.
        yield f"        location ~ ^({words})(/.*)?/stream$ {{"
        yield "            proxy_buffering off;"
        yield "            proxy_read_timeout 90s;"
        yield "            proxy_send_timeout 30s;"
        yield "            proxy_next_upstream error timeout http_503;"
        yield f"            proxy_pass http://{service}{_STREAMS};"
        yield "        }"
        yield f"        location ~ ^({words})(/|$) {{ proxy_pass http://{service}; }}"
    yield f"        location / {{ proxy_pass http://{_ANYTHING}; }}"


def _problem(status: int, title: str, detail: str) -> str:
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    # The id stands in the gateway's own log.
    body = f'{body[:-1]}, "request_id": "$request_id"}}'
    later = "            add_header Retry-After 2 always;\n" if status in _RETRIED_LATER else ""
    return (
        f"        location = /.gateway/{status} {{\n"
        "            internal;\n"
        "            default_type application/problem+json;\n"
        "            add_header X-Request-ID $request_id always;\n"
        "            add_header X-Content-Type-Options nosniff always;\n"
        "            add_header Cache-Control no-store always;\n"
        '            add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;\n'
        f"{later}"
        f"            return {status} '{body}';\n"
        "        }"
    )
