"""A Portway client in plain Python: grpcio, the stubs that protoc makes of proto/portway/v1, and log.py to verify what
the broker says. Copy it and go on from here."""

import collections
import os
import pathlib
import queue
import time
import uuid

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from log import Log, commitment, need
from portway.v1 import alert_pb2, exchange_pb2, exchange_pb2_grpc
from portway.v1 import log_pb2, log_pb2_grpc, record_pb2


def request_id():
    """A UUIDv7 (RFC 9562 section 5.7): keep it until the receipt is safe, and repeat with the same one."""
    data = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    data[6] = data[6] & 0x0F | 0x70
    data[8] = data[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(data)))


def timestamp(seconds):
    at = Timestamp()
    at.FromMilliseconds(int(seconds * 1000))
    return at


def channel(connect, identity):
    """A connection with mutual TLS, as the identity directory's certificate says."""
    pem = {name: (pathlib.Path(identity) / f"{name}.pem").read_bytes() for name in ("ca", "key", "cert")}
    return grpc.secure_channel(connect, grpc.ssl_channel_credentials(pem["ca"], pem["key"], pem["cert"]))


class Portway:
    """One agency's system at the exchange. Everything it returns has been verified."""

    def __init__(self, connect, identity):
        self.channel = channel(connect, identity)
        self.exchange = exchange_pb2_grpc.ExchangeStub(self.channel)
        self.proofs = log_pb2_grpc.LogStub(self.channel)
        self.log = Log((pathlib.Path(identity) / "log.vkey").read_text(), self.rotations, self.consistency)

    def rotations(self, after):
        """Brings the rotations of the log's key after a size, with the old key and the new one."""
        more = True
        while more:
            answer = self.proofs.ListKeyRotations(log_pb2.ListKeyRotationsRequest(after=after), timeout=30)
            for rotation in answer.rotations:
                rotated = record_pb2.Record.FromString(rotation.record).key_rotated
                yield rotation, rotated.old_vkey, rotated.new_vkey
                after = rotation.index + 1
            more = answer.more

    def consistency(self, older, newer):
        request = log_pb2.ProveConsistencyRequest(**{"from": older, "to": newer})
        return self.proofs.ProveConsistency(request, timeout=30).consistency

    def publish(self, draft, request):
        """Publishes one alert; returns its receipt. The alert is on disk then, and is not lost."""
        known = self.log.tree
        answer = self.exchange.Publish(
            exchange_pb2.PublishRequest(request_id=request, alert=draft, known_size=known[0]), timeout=30
        )
        return self.checked(answer.receipt, draft, known)

    def publish_many(self, alerts):
        """Publishes (request id, alert) pairs over one stream; yields a receipt or a refusal for each, in order. What it
        has not yielded when it fails is to be sent again, with the same ids."""
        sent, tree = collections.deque(), self.log.tree

        def requests():
            for request, draft in alerts:
                sent.append(draft)
                yield exchange_pb2.PublishManyRequest(request_id=request, alert=draft, known_size=tree[0])

        for answer in self.exchange.PublishMany(requests()):
            draft = sent.popleft()
            if answer.HasField("refusal"):
                yield answer.refusal
            else:
                yield self.checked(answer.receipt, draft, tree)
                tree = self.log.tree

    def checked(self, receipt, draft, known):
        tree = self.log.advance(receipt.checkpoint, receipt.consistency, known)
        entry = self.log.check_entry(receipt.index, receipt.salt, receipt.record, receipt.inclusion, tree)
        need(entry == receipt.leaf, "the receipt's leaf is another one")
        published = record_pb2.Record.FromString(receipt.record).published
        content = commitment(receipt.content_key, "portway/v1/content", draft.SerializeToString(deterministic=True))
        need(published.content == content, "the record commits to another content")
        return receipt

    def subscribe(self, subscription, purpose, credit):
        """Opens a subscription's stream, with so much credit."""
        return Stream(self, subscription, purpose, credit)

    def pull(self, subscription, purpose, most, resume=b""):
        """Brings one batch; resume from its position once all of it is safe. Returns the answer and its views."""
        known = self.log.tree
        request = exchange_pb2.PullRequest(
            subscription=subscription, purpose=purpose, max=most, resume=resume, checkpoint=self.log.note
        )
        answer = self.exchange.Pull(request, timeout=30)
        tree = self.log.advance(answer.checkpoint, answer.consistency, known)
        numbers = sorted(it.number for it in [*answer.deliveries, *answer.skipped])
        first = answer.acknowledged + 1
        need(numbers == list(range(first, first + len(numbers))), "a number is missing")
        return answer, [self.seen(delivery, tree) for delivery in answer.deliveries]

    def seen(self, delivery, tree):
        """Verifies that a delivery's disclosure was recorded first; returns the view."""
        self.log.check_entry(delivery.index, delivery.salt, delivery.record, delivery.inclusion, tree)
        disclosed = record_pb2.Record.FromString(delivery.record).disclosed
        view = commitment(delivery.view_key, "portway/v1/view", delivery.view)
        need(disclosed.view == view, "the record commits to another view")
        return alert_pb2.View.FromString(delivery.view)


class Stream:
    """An open stream: iterate for (delivery, view), and acknowledge what is safe with you."""

    def __init__(self, portway, subscription, purpose, credit):
        self.portway, self.log, self.said = portway, portway.log, queue.SimpleQueue()
        opening = exchange_pb2.Open(
            subscription=subscription, purpose=purpose, credit=credit, checkpoint=self.log.note
        )
        self.say(open=opening)
        self.calls = portway.exchange.Subscribe(iter(self.said.get, None))
        opened = next(self.calls).opened
        self.tree = self.log.advance(opened.checkpoint, opened.consistency)
        self.number = opened.acknowledged

    def say(self, **message):
        self.said.put(exchange_pb2.SubscribeRequest(**message))

    def __iter__(self):
        for message in self.calls:
            kind = message.WhichOneof("message")
            if kind == "delivery":
                yield self.verified(message.delivery)
            elif kind == "skipped":
                self.number = message.skipped.number
            elif kind == "heartbeat":
                self.advance(message.heartbeat)

    def advance(self, message):
        """Each checkpoint of a stream extends the one before it on the same stream."""
        self.tree = self.log.advance(message.checkpoint, message.consistency, self.tree)

    def verified(self, delivery):
        need(delivery.number == self.number + 1, "a number is missing")
        self.number = delivery.number
        self.advance(delivery)
        return delivery, self.portway.seen(delivery, self.tree)

    def acknowledge(self, delivery):
        self.say(acknowledge=exchange_pb2.Acknowledge(position=delivery.position))

    def credit(self, more):
        self.say(credit=exchange_pb2.Credit(more=more))

    def finish(self):
        """Ends the stream in order; returns once what was acknowledged is on disk."""
        self.say(finish=exchange_pb2.Finish())
        for _ in self.calls:
            pass
        self.said.put(None)
