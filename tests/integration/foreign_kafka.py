"""Programs on Kafka that are none of ours: kcat, and the Java client in Kafka's own jars."""
import base64
import collections
import shutil
import subprocess

import harness  # first: it finds the folder of servers
from harness import expect_equal
import servers

CLIENT = harness.ROOT / "tests" / "integration" / "java" / "ForeignClient.java"
LIMIT = 120

# Key and value are bytes or None; headers are (name, bytes) in their order.
Record = collections.namedtuple("Record", "topic partition offset timestamp key value headers")


def _run(arguments, data=b""):
    done = subprocess.run(arguments, input=data, capture_output=True, timeout=LIMIT)
    expect_equal(done.returncode, 0, f"exit status of {arguments[-6:]}\n{done.stderr.decode()[-2000:]}")
    return done.stdout


class Kcat:
    """librdkafka's command line."""

    def __init__(self, brokers):
        if not shutil.which("kcat"):
            raise RuntimeError("there is no kcat: install it")
        self._brokers = brokers

    def _kcat(self, *arguments, data=b""):
        return _run(["kcat", "-b", self._brokers, *map(str, arguments)], data)

    def produce(self, topic, value, key=None, headers=()):
        """One record; without a key it has none, not an empty one."""
        more = [f"-k{key}"] if key is not None else []
        for name, text in headers:
            more += ["-H", f"{name}={text}"]
        assert b"\n" not in value
        self._kcat("-P", "-t", topic, *more, data=value)

    def consume(self, topic):
        """All there is by now, partition by partition: like JavaClient.consume, but headers are one text, "a=b,c=d"."""
        output = self._kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p %o %T %K %S\\n%k%s%h\\n")
        records, at = [], 0
        while at < len(output):
            end = output.index(b"\n", at)
            partition, offset, timestamp, key_size, value_size = map(int, output[at:end].split(b" "))
            sizes, parts, at = (key_size, value_size), [], end + 1
            for size in sizes:
                parts.append(output[at:at + size] if size >= 0 else None)
                at += max(size, 0)
            end = output.index(b"\n", at)
            records.append(Record(topic, partition, offset, timestamp, *parts, output[at:end]))
            at = end + 1
        return records


class JavaClient:
    """org.apache.kafka.clients with its own defaults; java/ForeignClient.java is what it is told to do."""

    def __init__(self, brokers):
        self._brokers = brokers

    def _java(self, *arguments, data=""):
        command = servers.Kafka.java("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *arguments)
        return _run(command, data.encode()).decode()

    def _client(self, command, *arguments, lines=()):
        output = self._java(CLIENT, command, self._brokers, *arguments, data="".join(f"{line}\n" for line in lines))
        return [line.split("\t") for line in output.splitlines()]

    def produce(self, topic, records):
        """(key, value, headers) each; key and value may be None."""
        lines = []
        for key, value, headers in records:
            pairs = ",".join(f"{name}={_text(text.encode())}" for name, text in headers)
            lines.append(f"{_text(key)}\t{_text(value)}\t{pairs}")
        reports = self._client("produce", topic, lines=lines)
        expect_equal(len(reports), len(lines), "records the broker took")

    def consume(self, *topics):
        """All there is by now."""
        records = []
        for topic, partition, offset, timestamp, key, value, headers in self._client("consume", *topics):
            pairs = [pair.split("=", 1) for pair in headers.split(",")] if headers else []
            records.append(Record(topic, int(partition), int(offset), int(timestamp), _bytes(key), _bytes(value),
                                  [(name, _bytes(text)) for name, text in pairs]))
        return records

    def choose(self, topic, partitions, keys):
        """key -> the partition of a topic of so many where the Java producer puts it; the topic must be a new one."""
        chosen = self._client("choose", topic, partitions, lines=[_text(key) for key in keys])
        return {_bytes(key): int(partition) for key, partition in chosen}

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


def _text(data):
    return "-" if data is None else base64.b64encode(data).decode()


def _bytes(text):
    return None if text == "-" else base64.b64decode(text)
