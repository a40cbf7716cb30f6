//! What the system says of this process.

use std::time::Instant;

use anyhow::{Context, Result};

/// Memory, threads, files and time of this process at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Bytes of memory in use.
    pub resident_bytes: u64,
    /// Bytes that the program has asked the allocator for and not given back; `None` where the C
    /// library does not tell.
    pub allocated_bytes: Option<u64>,
    /// Threads.
    pub num_threads: usize,
    /// Open files, pipes and sockets.
    pub num_files: usize,
    /// Seconds of processor time so far, of all threads.
    pub cpu_s: f64,
    /// The same without the threads of a software rasteriser, which stands in for a GPU.
    pub own_cpu_s: f64,
    /// When this was.
    pub at: Instant,
}

impl Usage {
    /// Now, after the allocator has given back what is free: it keeps a heap for each thread that ever
    /// was, as far as it once needed, which is no leak.
    ///
    /// # Errors
    /// When the system's tables cannot be read.
    pub fn now() -> Result<Self> {
        #[cfg(target_env = "gnu")]
        // SAFETY: may be called at any time by any thread.
        unsafe {
            libc::malloc_trim(0);
        }
        let status = std::fs::read_to_string("/proc/self/status")?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .context("the system does not tell the memory in use")?;
        let (mut rasteriser_s, mut num_threads) = (0.0, 0);
        for task in std::fs::read_dir("/proc/self/task")?.flatten() {
            // A thread may have ended since it was listed.
            let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
            let Some((name, seconds)) = cpu_of(&stat) else { continue };
            num_threads += 1;
            if name.starts_with("llvmpipe") {
                rasteriser_s += seconds;
            }
        }
        let whole = std::fs::read_to_string("/proc/self/stat")?;
        let (_, all_s) = cpu_of(&whole).context("the system does not tell the time used")?;
        Ok(Self {
            resident_bytes: resident * 1024,
            allocated_bytes: allocated_bytes(),
            num_threads,
            num_files: std::fs::read_dir("/proc/self/fd")?.count(),
            cpu_s: all_s,
            own_cpu_s: all_s - rasteriser_s,
            at: Instant::now(),
        })
    }
}

/// What the C library's allocator says of itself.
#[cfg(target_env = "gnu")]
fn allocated_bytes() -> Option<u64> {
    let (mut text, mut len) = (std::ptr::null_mut(), 0);
    // SAFETY: the stream writes into memory that it allocates, which is valid, and ends with a zero,
    // once it is closed, and is ours to free.
    let report = unsafe {
        let stream = libc::open_memstream(&raw mut text, &raw mut len);
        if stream.is_null() {
            return None;
        }
        let told = libc::malloc_info(0, stream) == 0;
        libc::fclose(stream);
        let report = std::ffi::CStr::from_ptr(text).to_string_lossy().into_owned();
        libc::free(text.cast());
        told.then_some(report)?
    };
    in_use(&report)
}

#[cfg(not(target_env = "gnu"))]
fn allocated_bytes() -> Option<u64> {
    None
}

/// Bytes in use out of the report of glibc's `malloc_info`: the sums of all heaps, at its end.
fn in_use(report: &str) -> Option<u64> {
    let sums = report.rsplit_once("</heap>")?.1;
    let size = |element: &str| -> Option<u64> {
        let rest = sums.split_once(element)?.1.split_once("size=\"")?.1;
        rest.split_once('"')?.0.parse().ok()
    };
    let free = size("<total type=\"fast\"")? + size("<total type=\"rest\"")?;
    Some(size("<system type=\"current\"")? + size("<total type=\"mmap\"")? - free)
}

/// Name and seconds of processor time out of a `stat` file.
fn cpu_of(stat: &str) -> Option<(&str, f64)> {
    let (head, rest) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // User and system time, in hundredths of a second.
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((name, (ticks(11)? + ticks(12)?) / 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_and_parentheses_are_read() {
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(cpu_of(stat), Some(("a (b) c", 3.0)));
    }

    #[test]
    fn bytes_in_use_are_those_of_all_heaps() {
        let report = "<malloc><heap nr=\"0\"><system type=\"current\" size=\"7\"/></heap>\n\
                      <total type=\"fast\" count=\"2\" size=\"100\"/>\n\
                      <total type=\"rest\" count=\"9\" size=\"2000\"/>\n\
                      <total type=\"mmap\" count=\"1\" size=\"30000\"/>\n\
                      <system type=\"current\" size=\"400000\"/></malloc>";
        assert_eq!(in_use(report), Some(400_000 + 30_000 - 2_100));
        let before = allocated_bytes();
        let block = std::hint::black_box(vec![1_u8; 50 << 20]);
        if let (Some(before), Some(after)) = (before, allocated_bytes()) {
            assert!(after >= before + (40 << 20), "{before}, {after}");
        }
        drop(block);
    }

    #[test]
    fn this_process_has_memory_threads_and_files() {
        let usage = Usage::now().unwrap();
        assert!(usage.resident_bytes > 1_000_000 && usage.num_threads > 0 && usage.num_files > 2);
        assert!(usage.own_cpu_s <= usage.cpu_s);
    }
}
