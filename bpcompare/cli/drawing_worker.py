"""A process that draws graphs for a command: it loads matplotlib while the command loads PyTorch.

A picture in Graphviz's language and a format come in, the file goes out; or nothing where something is to be said of
the picture: the command draws it then, and says so. It ends when its standard input does, even in the middle of a
picture, so that it never outlives the command.
"""

import gc
import os
import pickle
import queue
import sys
import threading
from typing import Any

FIRST = "digraph { a }"  # is drawn before anything is asked for: half of the first picture's time is loading


def main() -> None:
    """Draws until it is ended; the arguments are the language, the style and the dots per inch."""
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    gc.disable()  # it lives for two seconds

    from bpcompare.language import set_language
    from bpcompare.show.page import drawn_for

    language, style, dpi = sys.argv[1:]
    set_language(language)
    with drawn_for(style, int(dpi) if dpi else None):
        _drawn(FIRST, "png")
        while True:
            pickle.dump(_drawn(*tasks.get()), sys.stdout.buffer)
            sys.stdout.flush()


def _drawn(dot: str, format: str) -> bytes:
    from bpcompare.errors import InputError
    from bpcompare.show import fonts
    from bpcompare.show.graph_pictures import picture

    try:
        content = picture(dot, format)
    except InputError:
        return b""
    return b"" if fonts.to_install() else content


def _read(tasks: "queue.SimpleQueue[Any]") -> None:
    try:
        while True:
            tasks.put(pickle.load(sys.stdin.buffer))
    except EOFError:
        os._exit(0)  # the command is gone


if __name__ == "__main__":
    main()
