#!/usr/bin/env python3
"""A mail server that takes every mail and keeps it.

usage: smtp_sink.py PORT FOLDER

Listens on 127.0.0.1. Every mail is a file FOLDER/*.eml by the time its sender is told that it was taken; names sort by
the time of arrival. Standard library only. The tests use Session with an inbox of their own.
"""
import datetime
import email
import itertools
import os
import pathlib
import socketserver
import sys


class Session(socketserver.StreamRequestHandler):
    """One SMTP session, as far as a client needs it that means well. A subclass says what becomes of a mail."""

    def take(self, mail):
        """A whole mail as bytes; the sender is answered when this returns. An OSError cuts the session off."""
        raise NotImplementedError

    def handle(self):
        self._say("220 sink ESMTP")
        while line := self.rfile.readline(2000):
            word = line.strip().upper().split(b" ")[0]
            if word == b"DATA":
                self._say("354 go on")
                self.take(self._data())
                self._say("250 taken")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def _data(self):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise ConnectionError("cut off inside DATA")  # nothing was taken
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)


class Threads(socketserver.ThreadingTCPServer):
    """A thread for each connection; a client that goes away is no fault of ours."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Keep(Session):
    numbers = itertools.count(1)

    def take(self, mail):
        now = datetime.datetime.now(datetime.timezone.utc)
        name = f"{now:%Y%m%dT%H%M%S.%f}-{os.getpid()}-{next(self.numbers)}"
        part = self.server.folder / f".{name}"
        part.write_bytes(mail)
        part.rename(self.server.folder / f"{name}.eml")
        headers = email.message_from_bytes(mail)
        print(f"{now.isoformat()} {name}.eml to {headers['To']}: {headers['Subject']}", flush=True)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with Threads(("127.0.0.1", int(sys.argv[1])), _Keep) as server:
        server.folder = folder
        server.serve_forever()


if __name__ == "__main__":
    main()
