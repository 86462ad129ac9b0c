//! What the system says of memory.

/// Bytes that it could give now, where it says so.
pub(crate) fn available_memory() -> Option<u64> {
    reported("/proc/meminfo", "MemAvailable:")
}

/// The most bytes that this process had at a time, where it says so.
pub(crate) fn peak_memory() -> Option<u64> {
    reported("/proc/self/status", "VmHWM:")
}

/// A number of bytes that it reports in kilobytes.
fn reported(file: &str, key: &str) -> Option<u64> {
    let info = std::fs::read_to_string(file).ok()?;
    let line = info.lines().find(|line| line.starts_with(key))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kilobytes.checked_mul(1024)
}
