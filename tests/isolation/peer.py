"""Runs in a container: listens at ports, or tries to reach others. Standard library only.

peer.py listen PORT…            answer every connection
peer.py try ADDRESS:PORT…       a JSON list: true for each that took a connection
peer.py watch SECONDS OPEN SHUT two lists of ADDRESS:PORT,…: how often each was as it must not be, as JSON
"""

from __future__ import annotations

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

PATIENCE = 1.2


def listen(ports: list[str]) -> None:
    """Take connections, and close them."""
    with ThreadPoolExecutor(len(ports)) as pool:
        for port in ports:
            pool.submit(_listen, int(port))


def _listen(port: int) -> None:
    with socket.create_server(("0.0.0.0", port)) as server:
        while True:
            server.accept()[0].close()


def reach(place: str, seconds: float = PATIENCE) -> bool:
    """Whether something takes a connection there."""
    address, _, port = place.rpartition(":")
    try:
        socket.create_connection((address, int(port)), seconds).close()
    except OSError:
        return False
    return True


def attempt(places: list[str]) -> list[bool]:
    """All at once."""
    with ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(reach, places))


def watch(seconds: float, must_open: list[str], must_be_shut: list[str]) -> dict[str, int]:
    """Try again and again. `tries`, and the number of wrong outcomes by place."""
    wrong = dict.fromkeys((*must_open, *must_be_shut), 0)
    tries, end = 0, time.monotonic() + seconds
    with ThreadPoolExecutor(len(wrong)) as pool:
        while time.monotonic() < end:
            tries += 1
            # A drop shows in that nothing comes; one that should be open answers well within this.
            outcomes = pool.map(partial(reach, seconds=0.4), wrong)
            for place, is_open in zip(wrong, outcomes, strict=True):
                wrong[place] += is_open != (place in must_open)
    return wrong | {"tries": tries}


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "listen":
        listen(arguments)
    elif command == "try":
        print(json.dumps(attempt(arguments)))
    else:
        print(json.dumps(watch(float(arguments[0]), arguments[1].split(","), arguments[2].split(","))))
