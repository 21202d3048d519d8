#!/usr/bin/env python3
"""The distributed form of Watchbell on this machine, as ./dev up and ./dev down use it.

usage: local.py up | down | status

up starts what does not run and waits until it serves; down ends all. Data, logs and the list `processes` are kept in
build/local, WATCHBELL_LOCAL_DIR for another folder. WATCHBELL_LOCAL_PORTS=free takes free ports the first time.
WATCHBELL_BIN_DIR names the folder of the programs.
"""
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import stack as stacks  # noqa: E402


def relative(path):
    try:
        return path.relative_to(pathlib.Path.cwd())
    except ValueError:
        return path


def up(stack):
    print("+ Kafka, PostgreSQL, mail server, five services (the first time takes a little longer)", file=sys.stderr)
    started = stack.up()
    tickets = stack.servers["tickets"].address
    print((stack.folder / "processes").read_text(), end="")
    print(f"""
Started: {', '.join(started) or 'nothing, all of it ran'}.
  a call    {relative(stack.programs / 'watchbell')} call --target={tickets} TicketService/ListTickets
  metrics   http://127.0.0.1:{stack.servers['tickets'].admin_port}/metrics, and of the others beside it
  mails     {relative(stack.servers['smtp'].folder)}
  logs      {relative(stack.folder / 'logs')}
./dev down stops it all; the data stays.""")


def down(stack):
    ran, killed = stack.down()
    print(f"stopped: {', '.join(ran) or 'nothing ran'}" + (f"; killed: {', '.join(killed)}" if killed else ""))


def status(stack):
    running = stack.running()
    for name in stacks.NAMES:
        server = stack.servers[name]
        state = "down" if name not in running else "serves" if server.serves() else "does not serve"
        print(f"{name:<14} {server.pid if name in running else '-':>8} {server.address:<16} {state}")
    return 0 if len(running) == len(stacks.NAMES) else 1


def main():
    commands = {"up": up, "down": down, "status": status}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    ports = os.environ.get("WATCHBELL_LOCAL_PORTS", "")
    if ports not in ("", "free"):
        sys.exit('local.py: WATCHBELL_LOCAL_PORTS may only be "free"')
    try:
        stack = stacks.Stack(os.environ.get("WATCHBELL_LOCAL_DIR"), os.environ.get("WATCHBELL_BIN_DIR"),
                             free_ports=ports == "free", detached=True)
        sys.exit(commands[sys.argv[1]](stack))
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"local.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
