//! Figures of a process from /proc.

use std::time::{Duration, Instant};

use rustix::process::Pid;

/// Returns the resident memory in MB: the current size and the maximum.
pub fn memory(pid: Pid) -> (f64, f64) {
    let status = std::fs::read_to_string(proc(pid, "status")).expect("the process runs");
    let kilobytes = |field: &str| -> f64 {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .expect("the field is there");
        line.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number")
    };
    (kilobytes("VmRSS:") / 1024.0, kilobytes("VmHWM:") / 1024.0)
}

/// Returns the number of open file descriptors.
pub fn descriptors(pid: Pid) -> usize {
    std::fs::read_dir(proc(pid, "fd"))
        .expect("the process runs")
        .count()
}

/// Returns the share of a core that the process uses during `work`, in percent.
pub async fn share_of_core(pid: Pid, work: impl Future<Output = ()>) -> f64 {
    let (before, started) = (processor_time(pid), Instant::now());
    work.await;
    let used = processor_time(pid).saturating_sub(before);
    100.0 * used.as_secs_f64() / started.elapsed().as_secs_f64()
}

fn processor_time(pid: Pid) -> Duration {
    // The scheduler counts nanoseconds. `stat` has only hundredths of a second.
    let tasks = std::fs::read_dir(proc(pid, "task"))
        .expect("the process runs")
        .flatten();
    let counts =
        tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    let nanos = counts.filter_map(|count| count.split(' ').next()?.parse::<u64>().ok());
    Duration::from_nanos(nanos.sum())
}

fn proc(pid: Pid, file: &str) -> String {
    format!("/proc/{}/{file}", pid.as_raw_nonzero())
}
