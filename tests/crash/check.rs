//! What is checked after every crash: the callers ask again, and the log has every acknowledged publish where it
//! was said to stand.

use portway::client::{Connection, FollowOptions, Incoming};

use super::{
    chance::Chance,
    house::Wires,
    load,
    notes::Shared,
    scene::{PURPOSE, Subscription},
};

/// How many acknowledged publishes are asked for again.
const AGAIN: usize = 8;

/// Checks the promises against a broker that has come back. Returns the size of the log.
pub(crate) async fn after_crash(
    wires: &Wires,
    subscriptions: &[Subscription],
    notes: &Shared,
    chance: &mut Chance,
) -> u64 {
    retry(wires, notes, chance).await;
    for Subscription { asked, .. } in subscriptions {
        let service = &wires.services[asked.agency];
        let delivered = load::look(service, asked.agency, notes).await.unwrap();
        let notes = notes.open();
        let last = notes.received.get(asked.agency).and_then(|it| it.views.last_key_value());
        let last = last.map_or(0, |(number, _)| *number);
        assert!(delivered >= last, "{}: {last} came, {delivered} are known", asked.agency);
    }
    stand(&wires.services["fire"], notes).await
}

/// The same requests again: no answer becomes one, and an answer stays what it was.
async fn retry(wires: &Wires, notes: &Shared, chance: &mut Chance) {
    let again = notes.open().to_retry(AGAIN, chance);
    for (id, sent) in again {
        let receipt = wires.services[sent.agency].publish(sent.draft, Some(id)).await.unwrap();
        notes.open().acknowledged(id, &receipt);
    }
}

/// P3: every acknowledged publish is in the log, at the index and with the leaf that its receipt named.
async fn stand(connection: &Connection, notes: &Shared) -> u64 {
    let seen = connection.checkpoint().await.unwrap();
    let entries = connection.read_entries(&seen).await.unwrap();
    for (id, sent) in &notes.open().sent {
        let told = sent.told.as_ref().expect("all were asked for again");
        let entry = entries.get(usize::try_from(told.index).unwrap());
        assert_eq!(entry.map(|it| &it[..]), Some(&told.leaf[..]), "{id}");
    }
    seen.size()
}

/// P3: follows a subscription to its end, `due` deliveries in all, acknowledging each.
pub(crate) async fn drain(wires: &Wires, it: &Subscription, due: u64, notes: &Shared) {
    let agency = it.asked.agency;
    let options = FollowOptions { created: Some(it.created), ..FollowOptions::default() };
    let service = &wires.services[agency];
    load::look(service, agency, notes).await.unwrap();
    if notes.open().received[agency].acknowledged < due {
        let mut follower = service.follow(&it.asked.name(), PURPOSE, options).await.unwrap();
        let mut last = 0;
        while last < due {
            match follower.next().await.unwrap() {
                Some(Incoming::Delivery(delivered)) => {
                    last = delivered.number;
                    notes.open().take(agency, &delivered);
                    follower.acknowledge(&delivered.position).await.unwrap();
                }
                Some(Incoming::Heartbeat) => {}
                other => panic!("{agency}: nothing calls for {other:?}"),
            }
        }
        follower.finish().await;
    }
    let listed = service.list_subscriptions().await.unwrap();
    assert_eq!((listed[0].delivered, listed[0].acknowledged), (due, due), "{agency}");
    load::look(service, agency, notes).await.unwrap();
}
