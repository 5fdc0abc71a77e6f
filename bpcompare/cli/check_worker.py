"""A process that marks files one after another for ``check``: a path comes in on each line, a marking goes out as JSON.

It ends when its standard input does, even in the middle of a file, so that it never outlives the command.
"""

import json
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bpcompare.language import N_, _, english, language, of_environment, set_language


def mark_one(file: Path, seed: int | None, time_limit: float, process: Any, draws: Any = None) -> dict[str, Any]:
    """The marking of one file as plain data, with its report and the seconds it took; whatever goes wrong is data.

    All of it is in English; where the file cannot be marked, ``error_shown`` says so in the reader's language.
    ``draws`` keeps the problems for the next file with the same seed.
    """
    from bpcompare.errors import BpcompareError
    from bpcompare.marker.check import check_file
    from bpcompare.show import marker_data, marker_report

    began = time.monotonic()
    try:
        marking = check_file(file, seed, time_limit, process, draws=draws)
        data = marker_data.as_data(marking, file) | {"report": english(marker_report.report(marking, file))}
    except BpcompareError as error:
        data = marker_data.as_error(file, str(error))
    except Exception as error:  # one file must not stop the others
        problem = N_("the marker failed at {file}: {kind}: {error}")
        data = marker_data.as_error(file, _(problem, file=file, kind=type(error).__name__, error=error))
    plain: dict[str, Any] = english(data)
    if "error" in data and language() != "en":
        plain["error_shown"] = data["error"]
    return plain | {"seconds": round(time.monotonic() - began, 2)}


def main() -> None:
    """Marks until the input ends; the arguments are the seed (or nothing) and the time limit."""
    from bpcompare.marker.draws import Draws
    from bpcompare.marker.sandbox_start import server

    set_language(of_environment())
    seed, time_limit = (int(sys.argv[1]) if sys.argv[1] else None), float(sys.argv[2])
    paths: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(paths,), daemon=True).start()
    draws = None if seed is None else Draws()
    with server() as process:
        while True:
            data = mark_one(Path(json.loads(paths.get())), seed, time_limit, process, draws)
            print(json.dumps(data, allow_nan=False), flush=True)


def _read(paths: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        paths.put(line)
    os._exit(0)  # the command is done, or gone; the sandbox sees that and ends


if __name__ == "__main__":
    main()
