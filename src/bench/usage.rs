//! What a process has used so far, as the kernel counts it, and what a directory takes up. Linux only: it reads
//! `/proc`.

use std::{fs, io, path::Path};

/// The kernel's tick for processor time (`USER_HZ`), the same on every Linux that Portway runs on.
const TICKS_A_SECOND: f64 = 100.0;

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// User and system time, in seconds.
    pub(super) cpu_s: f64,
    /// Bytes that it caused to be written to disks.
    pub(super) written: u64,
    /// Memory in use now, in KiB.
    pub(super) memory_kib: u64,
    /// The most memory that was ever in use, in KiB.
    pub(super) memory_most_kib: u64,
}

impl Usage {
    /// Reads what a process has used.
    pub(super) fn of(process: u32) -> io::Result<Self> {
        let proc = Path::new("/proc").join(process.to_string());
        let status = fs::read_to_string(proc.join("status"))?;
        let io = fs::read_to_string(proc.join("io"))?;
        Ok(Self {
            cpu_s: cpu(&fs::read_to_string(proc.join("stat"))?).ok_or_else(unknown)?,
            written: number(&io, "write_bytes:").ok_or_else(unknown)?,
            memory_kib: number(&status, "VmRSS:").ok_or_else(unknown)?,
            memory_most_kib: number(&status, "VmHWM:").ok_or_else(unknown)?,
        })
    }

    /// Returns the processor time and the bytes written since `before`; memory as it is now.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            cpu_s: self.cpu_s - before.cpu_s,
            written: self.written.saturating_sub(before.written),
            ..self
        }
    }
}

fn unknown() -> io::Error {
    io::Error::other("/proc does not say what was expected")
}

/// Fields 14 and 15 of `proc(5)`'s stat; the name before them may hold anything, so that they are counted from
/// its closing parenthesis.
fn cpu(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_A_SECOND)
}

fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns how many bytes the files of a directory take up on the disk.
pub(super) fn stored(dir: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let metadata = entry?.metadata()?;
        bytes += if metadata.is_file() { metadata.blocks() * 512 } else { 0 };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.memory_kib > 0 && usage.memory_most_kib >= usage.memory_kib);
        assert!(usage.since(usage).cpu_s.abs() < f64::EPSILON);
        Usage::of(u32::MAX).expect_err("no such process");
    }

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 150 25 0 0 20 0 1 0";
        assert_eq!(cpu(stat), Some(1.75));
        assert_eq!(cpu("7 a"), None);
    }
}
