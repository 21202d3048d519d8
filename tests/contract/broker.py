#!/usr/bin/env python3
"""A Kafka broker of one's own, for tests that take it away.

usage: broker.py FOLDER

Starts it in FOLDER and prints its address. Then does what each line of standard input says and answers "ok":
kill (kill -9), start, freeze (SIGSTOP), thaw. Ends it and itself when standard input ends.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy" / "local"))
import servers  # noqa: E402


def main():
    broker = servers.Kafka(sys.argv[1])
    steps = {"kill": broker.kill9, "start": broker.start, "freeze": broker.freeze, "thaw": broker.thaw}
    try:
        broker.start()
        print(broker.address, flush=True)
        for line in sys.stdin:
            steps[line.strip()]()
            print("ok", flush=True)
    finally:
        if broker.alive():
            broker.thaw()
            broker.kill9()


if __name__ == "__main__":
    main()
