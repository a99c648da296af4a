"""A `Reader` in a process of its own: `python -m simpul.connect.reader_process FD`. Started by `reader_hosts` only."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, Final

from simpul.connect.reader import Reader

# After how many new objects the collector looks for those that only hold each other: rows do not.
_OBJECTS_MADE: Final = 200_000


def main(descriptor: int) -> None:
    """Do what is asked over the connection, one thing after the other, until it is closed."""
    gc.set_threshold(_OBJECTS_MADE, 20, 20)
    gc.freeze()
    connection: Connection[Any, Any] = Connection(descriptor)
    asked: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, asked), daemon=True).start()
    reader = Reader(asked.get())
    while True:
        work, args, kwargs = asked.get()
        try:
            answer, failure = work(reader, *args, **kwargs), None
        except Exception as error:  # noqa: BLE001 - Whatever it is, the one who asked is told.
            answer, failure = None, _portable(error)
        connection.send((answer, failure))


def _listen(connection: Connection[Any, Any], asked: SimpleQueue[Any]) -> None:
    """Take down what is asked. End the process when nobody is there any more to ask, whatever it is doing."""
    try:
        while True:
            asked.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)
    finally:
        os._exit(1)


def _portable(error: Exception) -> Exception:
    """Return the error as it can be sent, with the place where it was raised."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - It was made here.
    except Exception:  # noqa: BLE001 - A driver's errors may be anything.
        return RuntimeError(repr(error))
    return error


if __name__ == "__main__":
    main(int(sys.argv[1]))
