"""A command that serves until it is told to stop."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from typing import Any, Dict, List, Optional

PATIENCE = 60


class Serving:
    def __init__(self, command: List[str], *, cwd: Any, environment: Dict[str, str], wait_for: str = r"on (http://\S+)") -> None:
        self.process = subprocess.Popen(
            command, cwd=cwd, env=environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.lines: List[str] = []
        self.url: Optional[str] = None
        self._told = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(re.compile(wait_for),), daemon=True)
        self._reader.start()

    def _read(self, wanted: "re.Pattern[str]") -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if found := wanted.search(line):
                self.url = self.url or found[1]
                self._told.set()
        self._told.set()  # ended without saying so

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def __enter__(self) -> "Serving":
        assert self._told.wait(PATIENCE), "it does not say where it listens"
        assert self.url, self.log
        return self

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def __exit__(self, *_: Any) -> None:
        try:
            self.stop()
        finally:
            self.process.kill()
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe:
                    pipe.close()
