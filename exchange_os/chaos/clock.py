"""A wall clock that a chaos run can step: a preloaded library shifts what the engine workers read.

No hook in the product: the workers run unchanged and see their machine's clock jump, as after a bad time server.
"""

import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from exchange_os.embedded.problems import SetupProblem

SOURCE = Path(__file__).with_name("clock_shim.c")
_OFFSET = struct.Struct("<q")


class SteppedClock:
    """The shift of one stack's workers; ``environment`` must be given to them at their start."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "clock_shim.so"
        self._offset = folder / "clock_offset"
        self.step(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs in its environment to follow this clock."""
        return {"LD_PRELOAD": str(self._library), "EXCHANGE_OS_CLOCK_OFFSET": str(self._offset)}

    def build(self) -> None:
        """Compile the library. Raises :class:`SetupProblem` without a C compiler."""
        command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE), "-ldl"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise SetupProblem("The clock runs need a C compiler named 'cc'; install gcc or clang.") from None
        if done.returncode:
            raise SetupProblem(f"The clock library could not be compiled:\n{done.stderr}")

    def step(self, seconds: int) -> None:
        """Let the workers' wall clock be ``seconds`` ahead (below zero: behind) from now on."""
        data = _OFFSET.pack(seconds * 1_000_000_000)
        if not self._offset.exists():
            self._offset.write_bytes(data)
            return
        with self._offset.open("r+b") as file:
            file.write(data)
