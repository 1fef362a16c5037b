//! The floor's store: one thread that takes whatever is queued, records it in one write with one sync, and only
//! then answers and hands on. The file is filled before and written round and round: it is never read.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use tokio::sync::mpsc;

/// The size of the file.
const FILE_BYTES: u64 = 64 << 20;
/// How many batches may wait for a reader, or answers for a publisher.
pub(super) const WAITING_MAX: usize = 65_536;

/// What the store is asked.
#[derive(Debug)]
pub(super) enum Job {
    /// A message of a publisher.
    Message { publisher: u64, payload: Bytes },
    /// A consumer has everything up to a number.
    Acknowledged { consumer: u64, number: u64 },
    /// A publisher begins.
    Publisher { publisher: u64, answers: mpsc::Sender<Bytes> },
    /// A consumer begins.
    Consumer { consumer: u64, deliveries: mpsc::Sender<Delivered> },
    /// Somebody ends.
    Gone { who: u64 },
}

/// Messages that are recorded as disclosed to one consumer, and the number of the first.
pub(super) type Delivered = (u64, Arc<[Bytes]>);

/// The queue of the store.
#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: Mutex<Vec<Job>>,
    wake: Condvar,
}

impl Queue {
    /// Asks for something.
    pub(super) fn push(&self, job: Job) {
        let mut jobs = self.lock();
        jobs.push(job);
        if jobs.len() == 1 {
            self.wake.notify_one();
        }
    }

    fn take(&self) -> Vec<Job> {
        let mut jobs = self.lock();
        while jobs.is_empty() {
            jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::take(&mut *jobs)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the store in a directory.
pub(super) fn start(dir: &Path) -> io::Result<Arc<Queue>> {
    let file = File::create(dir.join("floor"))?;
    let mebibyte = vec![0; 1 << 20];
    for place in 0..FILE_BYTES >> 20 {
        file.write_all_at(&mebibyte, place << 20)?;
    }
    file.sync_all()?;
    let queue = Arc::<Queue>::default();
    let mut store =
        Store { file, offset: 0, index: 0, buffer: Vec::new(), parties: Parties::default() };
    let jobs = Arc::clone(&queue);
    thread::Builder::new().name("floor-store".to_owned()).spawn(move || {
        loop {
            if let Err(error) = store.turn(jobs.take()) {
                // Nobody is answered any more, which the load notices.
                tracing::error!(%error, "the floor's store has failed");
                return;
            }
        }
    })?;
    Ok(queue)
}

struct Store {
    file: File,
    offset: u64,
    index: u64,
    buffer: Vec<u8>,
    parties: Parties,
}

#[derive(Default)]
struct Parties {
    publishers: BTreeMap<u64, mpsc::Sender<Bytes>>,
    consumers: BTreeMap<u64, Consumer>,
}

struct Consumer {
    deliveries: mpsc::Sender<Delivered>,
    delivered: u64,
}

impl Store {
    fn turn(&mut self, jobs: Vec<Job>) -> io::Result<()> {
        let mut messages = Vec::new();
        let mut answered = BTreeMap::<u64, u64>::new();
        let mut acknowledged = BTreeMap::new();
        for job in jobs {
            match job {
                Job::Message { publisher, payload } => {
                    *answered.entry(publisher).or_default() += 1;
                    messages.push(payload);
                }
                Job::Acknowledged { consumer, number } => {
                    acknowledged.insert(consumer, number);
                }
                Job::Publisher { publisher, answers } => {
                    self.parties.publishers.insert(publisher, answers);
                }
                Job::Consumer { consumer, deliveries } => {
                    let begun = Consumer { deliveries, delivered: 0 };
                    self.parties.consumers.insert(consumer, begun);
                }
                Job::Gone { who } => {
                    self.parties.publishers.remove(&who);
                    self.parties.consumers.remove(&who);
                }
            }
        }
        for (consumer, number) in acknowledged {
            self.frame(&[&consumer.to_be_bytes(), &number.to_be_bytes()]);
        }
        let firsts = self.record(&messages);
        self.commit()?;
        self.release(&messages.into(), &answered, &firsts);
        Ok(())
    }

    /// Records every message and every disclosure; returns the number of each consumer's first.
    fn record(&mut self, messages: &[Bytes]) -> BTreeMap<u64, u64> {
        let mut consumers = std::mem::take(&mut self.parties.consumers);
        let firsts = consumers.iter().map(|(id, it)| (*id, it.delivered + 1)).collect();
        for message in messages {
            let (index, hash) = (self.index.to_be_bytes(), digest(&SHA256, message));
            self.index += 1;
            self.frame(&[&index, message]);
            for (id, consumer) in &mut consumers {
                consumer.delivered += 1;
                let number = consumer.delivered.to_be_bytes();
                self.frame(&[&index, &id.to_be_bytes(), &number, hash.as_ref()]);
            }
        }
        self.parties.consumers = consumers;
        firsts
    }

    /// A frame: checksum, length, what it holds, and its hash.
    fn frame(&mut self, parts: &[&[u8]]) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 8]);
        for part in parts {
            self.buffer.extend_from_slice(part);
        }
        let content = self.buffer.get(start + 8..).unwrap_or_default();
        let hash = digest(&SHA256, content);
        let (checksum, length) = (crc32fast::hash(content), content.len());
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.buffer.extend_from_slice(hash.as_ref());
        if let Some(head) = self.buffer.get_mut(start..start + 8) {
            let (first, second) = head.split_at_mut(4);
            first.copy_from_slice(&checksum.to_be_bytes());
            second.copy_from_slice(&length.to_be_bytes());
        }
    }

    fn commit(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = self.buffer.len() as u64;
        if self.offset + bytes > FILE_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(&self.buffer, self.offset)?;
        self.file.sync_data()?;
        self.offset += bytes;
        self.buffer.clear();
        Ok(())
    }

    /// Whoever cannot take it has gone.
    fn release(
        &self,
        messages: &Arc<[Bytes]>,
        answered: &BTreeMap<u64, u64>,
        firsts: &BTreeMap<u64, u64>,
    ) {
        if messages.is_empty() {
            return;
        }
        for (id, first) in firsts {
            if let Some(consumer) = self.parties.consumers.get(id) {
                drop(consumer.deliveries.try_send((*first, Arc::clone(messages))));
            }
        }
        for (id, count) in answered {
            if let Some(answers) = self.parties.publishers.get(id) {
                drop(answers.try_send(Bytes::copy_from_slice(&count.to_be_bytes())));
            }
        }
    }
}
