"""Kafka by a foreign client, librdkafka's command line: records are put on topics and read from them byte for byte."""
import collections
import json
import shutil
import subprocess
import tempfile

import harness

LIMIT = 120


class Record(collections.namedtuple("Record", "topic partition offset time key value headers")):
    """A record as the broker has it. Text stands for bytes: character n is byte n; None is a null.

    `time`: in seconds, by its producer's clock. `headers`: (name, value) in their order.
    """

    def header(self, name):
        """Its last value; None if there is none."""
        return dict(self.headers).get(name)


def program():
    found = shutil.which("kcat")
    harness.expect(found, "there is no kcat: install it")
    return found


def _record(fields):
    names = fields.get("headers", [])
    return Record(fields["topic"], fields["partition"], fields["offset"], fields["ts"] / 1000, fields["key"],
                  fields["payload"], list(zip(names[0::2], names[1::2])))


def read(brokers, topic, partition=None):
    """Everything that lies on a topic now, in order per partition."""
    where = [] if partition is None else ["-p", str(partition)]
    done = subprocess.run([program(), "-C", "-b", brokers, "-t", topic, *where, "-o", "beginning", "-e", "-J", "-q",
                           "-X", "fetch.message.max.bytes=4000000"], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=LIMIT)
    harness.expect(done.returncode == 0, f"kcat cannot read {topic}: {done.stderr.decode(errors='replace')}")
    # Latin 1 keeps every byte; kcat escapes control characters, so that a line is a record.
    return [_record(json.loads(line)) for line in done.stdout.decode("latin-1").split("\n") if line]


def publish(brokers, topic, value, key=None, headers=(), partition=None):
    """One record, acknowledged by the broker. `value`: bytes. `headers`: pairs; a value of None is a null."""
    with tempfile.NamedTemporaryFile(prefix="watchbell-kcat-") as file:
        file.write(value)
        file.flush()
        words = [] if key is None else ["-k", key]
        words += [] if partition is None else ["-p", str(partition)]
        for name, text in headers:
            words += ["-H", name if text is None else f"{name}={text}"]
        done = subprocess.run([program(), "-P", "-b", brokers, "-t", topic, "-X", "acks=all", "-X",
                               "message.max.bytes=4000000", *words, file.name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT)
    harness.expect(done.returncode == 0, f"kcat cannot write to {topic}: {done.stderr}")


class Producer:
    """A kcat that stays: one record a line, for as long as the broker takes to come back."""

    def __init__(self, brokers, topic):
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [program(), "-P", "-E", "-b", brokers, "-t", topic, "-K", "\t", "-Z", "-X", "acks=all", "-X",
             "enable.idempotence=true", "-X", "max.in.flight=1",  # more: see ADR 010
             "-X", "partitioner=murmur2_random", "-X", "linger.ms=5"],
            stdin=subprocess.PIPE, stdout=self._log, stderr=self._log)

    def put(self, value, key=""):
        """A line of text without tabs; without a key any partition will do."""
        self._process.stdin.write(f"{key}\t{value}\n".encode())
        self._process.stdin.flush()

    def close(self):
        """Returns when every record is acknowledged."""
        self._process.stdin.close()
        status = self._process.wait(LIMIT)
        self._log.seek(0)
        harness.expect(status == 0, f"kcat lost records: {self._log.read().decode(errors='replace')[-2000:]}")

    def stop(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(LIMIT)
        self._log.close()
