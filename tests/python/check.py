"""Drives a served broker as an integrator would, and holds it to its word. Usage: check.py CONNECT IDENTITIES, where
IDENTITIES is that of a kept demo. Exit 0 where everything holds; the first thing that does not is told otherwise."""

import itertools
import os
import pathlib
import sys
import time

import grpc
from client import Portway, channel, request_id, timestamp
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from log import Fault, Log, commitment, need
from portway.v1 import alert_pb2, exchange_pb2, exchange_pb2_grpc
from portway.v1 import operations_pb2, operations_pb2_grpc, subscriptions_pb2, subscriptions_pb2_grpc

AREA = "PO1"
NAME = "python-client"
PURPOSE = alert_pb2.PURPOSE_CRIME_AND_DISORDER


def alert(**other):
    now = time.time()
    fields = {
        "agreement": "crime-and-disorder",
        "purpose": PURPOSE,
        "type": alert_pb2.ALERT_TYPE_ANTISOCIAL_BEHAVIOUR,
        "subject": [alert_pb2.SubjectToken(kind=alert_pb2.TOKEN_KIND_NFD, epoch=1, value=os.urandom(32))],
        "subject_categories": [alert_pb2.SUBJECT_CATEGORY_OTHER],
        "certainty": alert_pb2.CERTAINTY_KNOWN,
        "assertion": alert_pb2.ASSERTION_FACT,
        "urgency": alert_pb2.URGENCY_ROUTINE,
        "area": AREA,
        "time": timestamp(now),
        "as_of": timestamp(now),
        "expires_at": timestamp(now + 7 * 86400),
    }
    return alert_pb2.AlertDraft(**fields | other)


def refused(call, code, reason):
    """Expects a refusal, with a code and the reason that ErrorInfo names; returns the error."""
    try:
        call()
    except grpc.RpcError as error:
        details = rpc_status.from_call(error).details
        infos = [it for it in map(info, details) if it.domain == "portway"]
        need(error.code() == code and [it.reason for it in infos] == [reason], f"{reason}: {error}")
        return error
    raise Fault(f"{reason}: it was not refused")


def info(detail):
    found = error_details_pb2.ErrorInfo()
    detail.Unpack(found)
    return found


def take(stream, count):
    taken = list(itertools.islice(stream, count))
    need(len(taken) == count, f"{len(taken)} deliveries instead of {count}")
    return taken


def subscribed(agency):
    """Creates a subscription that gets what is published from now on."""
    stub = subscriptions_pb2_grpc.SubscriptionsStub(agency.channel)
    wanted = alert_pb2.ALERT_TYPE_ANTISOCIAL_BEHAVIOUR
    subscription = subscriptions_pb2.Subscription(
        name=NAME,
        purpose=PURPOSE,
        filter=subscriptions_pb2.Filter(types=[wanted], areas=[AREA]),
        expires_at=timestamp(time.time() + 86400),
    )
    stub.CreateSubscription(subscriptions_pb2.CreateSubscriptionRequest(subscription=subscription))


def check_publish(police):
    draft, request = alert(case_reference="RMS-0042"), request_id()
    receipt = police.publish(draft, request)
    again = police.publish(draft, request)
    need(again.repeated_request and again.index == receipt.index, "a repeat was published anew")
    other = exchange_pb2.PublishRequest(request_id=request, alert=alert(area="PO2"))
    code = grpc.StatusCode
    refused(lambda: police.exchange.Publish(other), code.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    purposeless = exchange_pb2.PublishRequest(request_id=request_id(), alert=alert(purpose=0))
    refused(lambda: police.exchange.Publish(purposeless), code.INVALID_ARGUMENT, "MISSING_FIELD")
    return receipt


def check_subscribe(council, police, first):
    """Credit bounds what comes, what is not acknowledged comes again, what is acknowledged does not."""
    stream = council.subscribe(NAME, PURPOSE, credit=1)
    ((delivery, view),) = take(stream, 1)
    need(view.id == first.alert and view.case_reference == "RMS-0042", "another alert came")
    receipts = [police.publish(alert(), request_id()) for _ in range(3)]
    stream.acknowledge(delivery)
    stream.credit(2)
    ids = [view.id for _, view in take(stream, 2)]
    need(ids == [it.alert for it in receipts[:2]], "the order is another one")
    stream.finish()
    stream = council.subscribe(NAME, PURPOSE, credit=10)
    back = take(stream, 3)
    need([it.redelivery for it, _ in back] == [True, True, False], "redeliveries are not told")
    need([view.id for _, view in back] == [it.alert for it in receipts], "something was lost or repeated")
    stream.acknowledge(back[-1][0])
    stream.finish()
    stream = council.subscribe(NAME, PURPOSE, credit=10)
    need(stream.number == back[-1][0].number, "the acknowledgement was lost")
    stream.finish()


def check_pull(council, police):
    """Batches as the stream would bring them; what is not resumed from comes again."""
    receipts = [police.publish(alert(), request_id()) for _ in range(5)]
    batch, views = council.pull(NAME, PURPOSE, 3)
    need([it.id for it in views] == [it.alert for it in receipts[:3]] and batch.more, "another batch came")
    again, views = council.pull(NAME, PURPOSE, 2)
    need([it.id for it in views] == [it.alert for it in receipts[:2]], "what was not kept did not come again")
    need(all(it.redelivery for it in again.deliveries), "redeliveries are not told")
    rest, views = council.pull(NAME, PURPOSE, 10, batch.position)
    need([it.id for it in views] == [it.alert for it in receipts[3:]] and not rest.more, "the rest is another one")
    empty, views = council.pull(NAME, PURPOSE, 0, rest.position)
    need(not views and empty.acknowledged == rest.deliveries[-1].number, "it was not acknowledged")


def check_bulk(police):
    """One outcome an alert, in order; a refusal ends nothing, a repeat is told as such."""
    alerts = [(request_id(), alert()) for _ in range(200)]
    alerts[7] = (request_id(), alert(certainty=0))
    alerts.append(alerts[0])
    outcomes = list(police.publish_many(alerts))
    need(len(outcomes) == len(alerts), "an outcome is missing")
    for number, ((request, _), outcome) in enumerate(zip(alerts, outcomes, strict=True)):
        if number == 7:
            need(outcome.reason == "MISSING_FIELD" and outcome.at == "certainty", f"refused as {outcome}")
        else:
            need(outcome.alert == request, "the outcome of another alert")
    need(outcomes[-1].repeated_request and outcomes[-1].index == outcomes[0].index, "published twice")


def check_rotation(connect, identities, police, council):
    """The log's key hands over to others while streams are open, and everybody follows."""
    rotate = operations_pb2.RotateLogKeyRequest()
    by_service = operations_pb2_grpc.OperationsStub(police.channel)
    refused(lambda: by_service.RotateLogKey(rotate), grpc.StatusCode.PERMISSION_DENIED, "WRONG_ROLE")
    operator = operations_pb2_grpc.OperationsStub(channel(connect, identities / "operator"))
    stream = council.subscribe(NAME, PURPOSE, credit=10)
    rotated = []
    for _ in range(2):
        rotated.append(operator.RotateLogKey(rotate).index + 1)
        receipt = police.publish(alert(), request_id())
        ((delivery, view),) = take(stream, 1)
        need(view.id == receipt.alert, "another alert came")
        stream.acknowledge(delivery)
    stream.finish()
    late = Portway(connect, identities / "police/service")
    late.publish(alert(), request_id())
    for log in (police.log, council.log, late.log):
        need([last for _, last in log.past] == rotated, "the keys were not followed")
    fresh = Log(police.log.past[0][0].vkey, lambda after: [], lambda older, newer: [])
    try:
        fresh.open(late.log.note)
    except Fault:
        return
    raise Fault("a key was believed that nobody vouches for")


def check_verifier(police, receipt):
    """A check that cannot fail is none: changed proofs are refused."""
    tree = police.log.open(receipt.checkpoint)
    entry = receipt.index, receipt.salt, receipt.record, list(receipt.inclusion)
    police.log.check_entry(*entry, tree)
    changed = [
        lambda: police.log.check_entry(entry[0], bytes(32), *entry[2:], tree),
        lambda: police.log.check_entry(entry[0] - 1, *entry[1:], tree),
        lambda: police.log.check_entry(*entry[:2], receipt.record + b"\0", entry[3], tree),
        lambda: police.log.check_entry(*entry[:3], entry[3][:-1], tree),
        lambda: police.log.open(receipt.checkpoint.replace("\n", "\n1", 1)),
        lambda: police.log.advance(receipt.checkpoint, [], (1, bytes(32))),
    ]
    for number, check in enumerate(changed):
        try:
            check()
        except Fault:
            continue
        raise Fault(f"change {number} of a receipt was not noticed")


def check_services(connect, police, identities):
    """Health and reflection answer those who have a certificate; nobody else gets a connection."""
    health = health_pb2_grpc.HealthStub(police.channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service="portway.v1.Exchange"))
    need(answer.status == health_pb2.HealthCheckResponse.SERVING, "the exchange is not serving")
    listed = ProtoReflectionDescriptorDatabase(police.channel).get_services()
    need("portway.v1.Exchange" in listed, "reflection does not list the exchange")
    ca = (identities / "police/service/ca.pem").read_bytes()
    stranger = grpc.secure_channel(connect, grpc.ssl_channel_credentials(ca))
    try:
        health_pb2_grpc.HealthStub(stranger).Check(health_pb2.HealthCheckRequest(), timeout=20)
    except grpc.RpcError as error:
        need(error.code() == grpc.StatusCode.UNAVAILABLE, f"a stranger was told {error.code()}")
    else:
        raise Fault("a stranger was answered")
    officer = exchange_pb2_grpc.ExchangeStub(channel(connect, identities / "police/officer"))
    publish = exchange_pb2.PublishRequest(request_id=request_id(), alert=alert())
    refused(lambda: officer.Publish(publish), grpc.StatusCode.PERMISSION_DENIED, "WRONG_ROLE")


def main(connect, identities):
    identities = pathlib.Path(identities)
    police = Portway(connect, identities / "police/service")
    council = Portway(connect, identities / "council-asb/service")
    check_services(connect, police, identities)
    subscribed(council)
    receipt = check_publish(police)
    check_subscribe(council, police, receipt)
    check_pull(council, police)
    check_rotation(connect, identities, police, council)
    check_bulk(police)
    check_verifier(police, receipt)
    print("publish, bulk, subscribe, pull, refusals, proofs, rotations: all as documented")


if __name__ == "__main__":
    main(*sys.argv[1:])
