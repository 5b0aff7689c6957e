"""What a person may choose about ``make run``, read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exchange_os.embedded.problems import SetupProblem

_PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Options:
    """Where it listens, where its data lives, what it need not start, how many processes it runs."""

    host: str
    port: int
    data_dir: Path
    database_url: str | None
    redis_url: str | None
    engine_workers: int
    web_processes: int
    demo: bool

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        return f"http://localhost:{self.port}"

    @property
    def loopback_url(self) -> str:
        """The address for a program on this machine."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        """The folder with one log per process."""
        return self.data_dir / "logs"


def read_options(environment: Mapping[str, str]) -> Options:
    """The options in an environment. Raises SetupProblem for a value that makes no sense."""
    return Options(
        host=environment.get("HOST") or "127.0.0.1",
        port=_number(environment, "PORT", 8000, 1, 65535),
        data_dir=Path(environment.get("DATA_DIR") or _PROJECT / ".run").absolute(),
        database_url=environment.get("DATABASE_URL") or None,
        redis_url=environment.get("REDIS_URL") or None,
        engine_workers=_number(environment, "ENGINE_WORKERS", os.cpu_count() or 1, 1, 256),
        web_processes=_number(environment, "WEB_PROCESSES", 1, 1, 256),
        demo=environment.get("DEMO", "1").lower() not in ("0", "no", "false", "off"),
    )


def _number(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise SetupProblem(f"{name} is {text!r} and must be a whole number from {least} to {most}.")
    return int(text)
