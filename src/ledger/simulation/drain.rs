//! The end of a run: every subscriber comes, takes everything and acknowledges it. Then P3 is settled.

use super::{
    ask,
    op::{AGENCIES, Ask, NAMES, Op, Resume, UpTo},
    sample,
    world::World,
};

impl World {
    /// Lets every subscription take all that it is owed.
    pub(super) fn drain(&mut self) {
        while self.fault.is_some() {
            self.set_clock(self.latest.max(self.full_until));
            let command = ask::consult(0, self.audit.size);
            let turn = self.turn(vec![command]);
            self.settle(turn);
        }
        self.set_clock(self.latest.max(self.full_until));
        while self.owes() {
            self.run(&Op::One(Ask::Tell { pick: 0 }));
        }
        for agency in 0..AGENCIES {
            if self.audit.suspended.contains(&sample::agency(agency)) {
                self.run(&Op::One(Ask::Reinstate { agency }));
            }
            // Every recipient is told everything, in order, whatever has become of its subscriptions.
            while self.is_untold(agency) {
                let (acknowledges, limit) = (true, 2);
                self.run(&Op::One(Ask::Notices { agency, acknowledges, limit }));
            }
            for name in 0..NAMES {
                self.drain_one(agency, name);
            }
        }
        // A tick: what was acknowledged last is recorded with it.
        self.run(&Op::Batch(Vec::new()));
        p3_every_entitled_subscription_got_it(self);
    }

    fn drain_one(&mut self, agency: usize, name: usize) {
        let resume = Resume::WhereTheBrokerStands;
        self.run(&Op::One(Ask::Open { agency, name, credit: 1000, resume }));
        let stream = self.streams.len() - 1;
        let mut taken = None;
        while self.streams[stream].open && taken != Some(self.streams[stream].last()) {
            taken = Some(self.streams[stream].last());
            // The newest stream: no other is opened meanwhile.
            self.run(&Op::One(Ask::Acknowledge { stream: 0, up_to: UpTo::Last }));
        }
    }

    pub(super) fn run(&mut self, op: &Op) {
        let turn = self.step(op);
        self.settle(turn);
    }
}

/// P3: whoever was owed an alert has got it, unless a record says why not or it ended by itself.
fn p3_every_entitled_subscription_got_it(world: &mut World) {
    let at = world.latest;
    let mut got = 0;
    for (subscription, asked) in &world.audit.subscriptions {
        if !asked.is_live(at) {
            continue;
        }
        for published in &asked.owed {
            let facts = &world.audit.alerts[published].published.facts;
            assert!(facts.expires_at <= at, "P3: {published} never came to {subscription}");
        }
        assert_eq!(asked.acknowledged, asked.delivered(), "P3: something is left");
        for (number, known) in (1..).zip(&asked.numbers) {
            let came = world.came.get(&(*subscription, number)).copied();
            assert!(came == Some(true) || known.skipped, "P3: {number} never came out");
            got += 1;
        }
    }
    for _ in 0..got {
        world.audit.count("got");
    }
}
