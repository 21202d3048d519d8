"""What a process says of itself at /metrics."""
import re

from harness import expect, expect_equal

_LINE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One look at a process."""

    def __init__(self, server):
        status, text = server.get("/metrics")
        expect_equal(status, 200, f"status of /metrics of {server.name}: {text[:200]}")
        self._name, self._values = server.name, []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = _LINE.match(line)
            expect(match, f"{server.name}: a line of /metrics that is none: {line}")
            self._values.append((match[1], dict(_LABEL.findall(match[2] or "")), float(match[3])))

    def all(self, metric, **labels):
        """(labels, value) of every series of `watchbell_<metric>` with these labels."""
        return [(have, value) for name, have, value in self._values
                if name == f"watchbell_{metric}" and labels.items() <= have.items()]

    def one(self, metric, **labels):
        """The value of the only such series."""
        found = self.all(metric, **labels)
        expect_equal(len(found), 1, f"{self._name}: series watchbell_{metric} with {labels}")
        return found[0][1]

    def histogram(self, metric, **labels):
        """(count, sum) of a histogram whose buckets must add up."""
        count, total = self.one(f"{metric}_count", **labels), self.one(f"{metric}_sum", **labels)
        buckets = [value for _, value in self.all(f"{metric}_bucket", **labels)]
        expect(buckets == sorted(buckets) and buckets[-1] == count, f"{self._name}: buckets of {metric}: {buckets}")
        return count, total
