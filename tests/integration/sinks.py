"""A mail server and a webhook receiver that keep what they are sent, and can hold their answers back."""
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import threading
import time

import harness  # noqa: F401  first: it knows where the mail server is
import smtp_sink


class Received:
    """One message as it came in."""

    def __init__(self, medium, delivery_id, possible_repeat, text, wrong="", traceparent=""):
        self.medium = medium
        self.delivery_id = delivery_id
        self.possible_repeat = possible_repeat
        self.text = text
        self.wrong = wrong  # what is wrong with it
        self.traceparent = traceparent


class Inbox:
    """What both sinks received. Thread-safe."""

    def __init__(self):
        self._changed = threading.Condition()
        self._messages = []
        self._to_hold = {}
        self._held = {}
        self._release = threading.Event()

    def add(self, received):
        """Keeps a message; waits before it returns, and the sender is answered, if it is one to hold."""
        with self._changed:
            self._messages.append(received)
            hold = self._to_hold.get(received.medium, 0) > 0
            if hold:
                self._to_hold[received.medium] -= 1
                self._held[received.medium] = self._held.get(received.medium, 0) + 1
            release = self._release
            self._changed.notify_all()
        if hold:
            release.wait(60)

    def hold_next(self, medium, count=1):
        """The answers to the next messages are held back until release()."""
        with self._changed:
            self._to_hold[medium] = self._to_hold.get(medium, 0) + count

    def held(self):
        with self._changed:
            return dict(self._held)

    def wait_held(self, media, limit):
        with self._changed:
            return self._changed.wait_for(lambda: all(self._held.get(m, 0) > 0 for m in media), limit)

    def release(self):
        with self._changed:
            self._release.set()
            self._release = threading.Event()
            self._to_hold, self._held = {}, {}

    def messages(self):
        with self._changed:
            return list(self._messages)

    def wait_for(self, condition, limit):
        """Waits until condition(messages) is true; whether it became so."""
        until = time.monotonic() + limit
        with self._changed:
            while not condition(self._messages):
                if not self._changed.wait(max(0.0, until - time.monotonic())) and time.monotonic() > until:
                    return False
            return True


class _Mail(smtp_sink.Session):
    def take(self, mail):
        mail = email.message_from_bytes(mail, policy=email.policy.default)
        delivery = str(mail["X-Watchbell-Delivery"] or "")
        wrong = "" if delivery and mail["Message-ID"] and mail["Subject"] else "a header is missing"
        self.server.inbox.add(Received("mail", delivery, mail["X-Watchbell-Possible-Repeat"] == "true",
                                       mail.get_content(), wrong, str(mail["traceparent"] or "")))


class _Webhook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        delivery = self.headers["Watchbell-Delivery"] or ""
        repeat = self.headers["Watchbell-Possible-Repeat"] == "true"
        self.server.inbox.add(Received("webhook", delivery, repeat, body.decode(), self.fault(body, delivery, repeat),
                                       self.headers["traceparent"] or ""))
        self.send_response(204)
        self.end_headers()

    def fault(self, body, delivery, repeat):
        parts = dict(part.split("=", 1) for part in (self.headers["Watchbell-Signature"] or "t=,v1=").split(","))
        signed = parts["t"].encode() + b"." + body
        if not hmac.compare_digest(parts["v1"], hmac.new(self.server.secret, signed, hashlib.sha256).hexdigest()):
            return "the signature is wrong"
        if not parts["t"].isdigit() or abs(time.time() - int(parts["t"])) > 300:
            return "the signature's time is not now"
        notice = json.loads(body)
        if notice["delivery_id"] != delivery or self.headers["Idempotency-Key"] != delivery:
            return "body and headers name different deliveries"
        return "" if notice["possible_repeat"] == repeat else "body and headers disagree on possible_repeat"

    def log_message(self, *_):
        pass


class Sinks:
    """Both sinks on ports of their own, with one inbox."""

    def __init__(self, secret):
        self.inbox = Inbox()
        self._servers = [smtp_sink.Threads(("127.0.0.1", 0), _Mail), smtp_sink.Threads(("127.0.0.1", 0), _Webhook)]
        for server in self._servers:
            server.inbox, server.secret = self.inbox, secret.encode()
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def smtp_url(self):
        return f"smtp://127.0.0.1:{self._servers[0].server_address[1]}"

    @property
    def webhook_url(self):
        return f"http://127.0.0.1:{self._servers[1].server_address[1]}/page"

    def stop(self):
        self.inbox.release()
        for server in self._servers:
            server.shutdown()
            server.server_close()
