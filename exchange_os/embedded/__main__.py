"""``python -m exchange_os.embedded``: the program behind ``make run``."""

import os
import sys

from exchange_os.embedded.problems import SetupProblem

try:
    from exchange_os.embedded.options import read_options
    from exchange_os.embedded.supervisor import Supervisor
except ImportError as error:
    sys.exit(f"The environment is half installed ({error}); remove the folder .venv and run make run again.")


def main() -> int:
    """Run until stopped. Exit code 1 and one sentence on standard error if it cannot start."""
    try:
        Supervisor(read_options(os.environ)).run()
    except SetupProblem as problem:
        print(f"\n{problem}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
