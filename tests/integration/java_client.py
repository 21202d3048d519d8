"""Kafka by a foreign client: the Java one in Kafka's own jars."""
import base64
import subprocess

import harness  # first: it finds the folder of servers
from harness import expect_equal
from kcat import Record
import servers

CLIENT = harness.ROOT / "tests" / "integration" / "java" / "ForeignClient.java"
LIMIT = 120


class JavaClient:
    """org.apache.kafka.clients with its own defaults; java/ForeignClient.java is what it is told to do."""

    def __init__(self, brokers):
        self._brokers = brokers

    def _java(self, *arguments, data=""):
        command = servers.Kafka.java("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *arguments)
        done = subprocess.run(command, input=data, capture_output=True, text=True, timeout=LIMIT)
        expect_equal(done.returncode, 0, f"exit status of {command[-6:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def _client(self, command, *arguments, lines=()):
        output = self._java(CLIENT, command, self._brokers, *arguments, data="".join(f"{line}\n" for line in lines))
        return [line.split("\t") for line in output.splitlines()]

    def produce(self, topic, records):
        """(key, value, headers) each, in bytes but for the headers; key and value may be None."""
        lines = []
        for key, value, headers in records:
            pairs = ",".join(f"{name}={_encoded(text.encode())}" for name, text in headers)
            lines.append(f"{_encoded(key)}\t{_encoded(value)}\t{pairs}")
        reports = self._client("produce", topic, lines=lines)
        expect_equal(len(reports), len(lines), "records the broker took")

    def consume(self, *topics):
        """All there is by now, as kcat.read shows it."""
        records = []
        for topic, partition, offset, timestamp, key, value, headers in self._client("consume", *topics):
            pairs = [pair.split("=", 1) for pair in headers.split(",")] if headers else []
            records.append(Record(topic, int(partition), int(offset), int(timestamp) / 1000, _decoded(key),
                                  _decoded(value), [(name, _decoded(text)) for name, text in pairs]))
        return records

    def choose(self, topic, partitions, keys):
        """key -> the partition of a topic of so many where the Java producer puts it; the topic must be a new one."""
        lines = [_encoded(key.encode("latin-1")) for key in keys]
        return {_decoded(key): int(partition) for key, partition in
                self._client("choose", topic, partitions, lines=lines)}

    def groups(self):
        """What kafka-consumer-groups says: (group, topic, partition) -> (committed offset, end, lag); "-" is None."""
        output = self._java("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server",
                            self._brokers, "--describe", "--all-groups")
        found, columns = {}, {}
        for words in map(str.split, output.splitlines()):
            if "CURRENT-OFFSET" in words:
                columns = {name: place for place, name in enumerate(words)}
            elif columns and len(words) >= len(columns) - 1:
                group, topic, partition, *numbers = [words[columns[name]] for name in (
                    "GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG")]
                found[group, topic, int(partition)] = tuple(None if n == "-" else int(n) for n in numbers)
        return found


def _encoded(data):
    return "-" if data is None else base64.b64encode(data).decode()


def _decoded(text):
    """Text that stands for bytes, as in Record."""
    return None if text == "-" else base64.b64decode(text).decode("latin-1")
