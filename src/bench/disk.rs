//! The disk's own limit: one write and one `fdatasync` for each batch, into a file that was filled before.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path, time::Duration};

use tokio::time::Instant;

/// What the disk does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Disk {
    /// Batches a second.
    pub(super) batches: f64,
    /// Bytes in a batch.
    pub(super) batch_bytes: u64,
}

/// How much of the file is written before it is begun anew.
const FILE_BYTES: u64 = 32 << 20;

/// Writes batches of `batch_bytes` for a while. Blocks the thread.
pub(super) fn measure(dir: &Path, batch_bytes: u64, time: Duration) -> io::Result<Disk> {
    let batch_bytes = batch_bytes.clamp(1, FILE_BYTES);
    let file = File::create(dir.join("limit"))?;
    let mebibyte = vec![0x5a; 1 << 20];
    for place in 0..FILE_BYTES >> 20 {
        file.write_all_at(&mebibyte, place << 20)?;
    }
    file.sync_all()?;
    let batch = vec![0xa5; usize::try_from(batch_bytes).map_err(io::Error::other)?];
    let (mut batches, mut offset, start) = (0_u32, 0, Instant::now());
    while start.elapsed() < time {
        if offset + batch_bytes > FILE_BYTES {
            offset = 0;
        }
        file.write_all_at(&batch, offset)?;
        file.sync_data()?;
        offset += batch_bytes;
        batches += 1;
    }
    Ok(Disk { batches: f64::from(batches) / start.elapsed().as_secs_f64(), batch_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_measured_with_batches_of_any_size() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in [0, 4096, u64::MAX] {
            let disk = measure(dir.path(), bytes, Duration::from_millis(1)).unwrap();
            assert!(disk.batches > 0.0 && disk.batch_bytes >= 1);
        }
    }
}
