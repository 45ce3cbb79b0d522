//! Figures that only the process has: its clock, its processor time, what it is called.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Microseconds on a clock that never goes back.
#[expect(clippy::disallowed_methods, reason = "the host is what reads the clock for the engine")]
pub fn clock_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    // A moment that is later for another caller of the first call is no moment at all: the clock begins with the process.
    let passed = now.duration_since(*START.get_or_init(|| now));
    // Not `as_micros`, which counts in 128 bits: this is on every command's path, twice.
    passed.as_secs() * 1_000_000 + u64::from(passed.subsec_micros())
}

/// Stops everything for `ms`, as DEBUG SLEEP does inside a transaction, and returns that number.
pub fn nap(ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    ms
}

/// Lines of INFO by their sections.
pub fn lines() -> Vec<(&'static str, String)> {
    let executable = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let mut lines = vec![
        ("server", format!("process_id:{}", std::process::id())),
        ("server", "process_supervised:no".to_string()),
        ("server", format!("executable:{executable}")),
        ("server", "monotonic_clock:POSIX clock_gettime".to_string()),
        ("server", format!("multiplexing_api:{}", if cfg!(target_os = "linux") { "epoll" } else { "kqueue" })),
        ("server", "io_threads_active:0".to_string()),
    ];
    let main_thread = format!("/proc/self/task/{}/stat", std::process::id());
    if let (Some(all), Some(main)) = (processor_times("/proc/self/stat"), processor_times(&main_thread)) {
        let [user, system, children_user, children_system] = all;
        for (name, ticks) in [
            ("used_cpu_sys", system),
            ("used_cpu_user", user),
            ("used_cpu_sys_children", children_system),
            ("used_cpu_user_children", children_user),
            ("used_cpu_sys_main_thread", main[1]),
            ("used_cpu_user_main_thread", main[0]),
        ] {
            lines.push(("cpu", format!("{name}:{:.6}", ticks as f64 / TICKS_PER_SECOND)));
        }
    }
    lines
}

/// What Linux counts in, whatever the machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// Ticks of the processor in the program and in the kernel, its own and its children's, where the system has `/proc`.
fn processor_times(path: &str) -> Option<[u64; 4]> {
    let text = std::fs::read_to_string(path).ok()?;
    // The name before the parenthesis may hold blanks; the times are the 12th field after it and the next three.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let mut times = [0; 4];
    for (time, field) in times.iter_mut().zip(fields.get(11..15)?) {
        *time = field.parse().ok()?;
    }
    Some(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on() {
        let before = clock_us();
        nap(2);
        assert!(clock_us() >= before + 2000);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn times_are_read() {
        assert!(processor_times("/proc/self/stat").is_some());
        assert!(lines().iter().any(|(section, line)| *section == "cpu" && line.starts_with("used_cpu_user:")));
    }
}
