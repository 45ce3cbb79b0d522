//! LATENCY GRAPH and DOCTOR: the latency events drawn, and put into words.

use crate::engine::meter::Series;
use crate::engine::{Ctx, Error, Group, Outcome, Row};
use std::fmt::Write;

pub(super) const GRAPH: Row = Row {
    name: "GRAPH",
    group: Group::Server,
    since: "2.8.13",
    arity: 3,
    flags: super::LOOK,
    summary: "Draws how long an event took lately.",
    complexity: "O(1)",
    syntax: "event",
    ts: "(event: string): string",
    example: "> LATENCY GRAPH command\n(error) ERR No samples available for event 'command'",
    run: graph,
    ..Row::NONE
};

fn graph(c: &mut Ctx) -> Outcome {
    let name = String::from_utf8_lossy(c.argv[2]);
    let series = c.server.meter.events.get(&*name);
    let series = series.ok_or_else(|| Error::new(format!("ERR No samples available for event '{name}'")))?;
    let text = draw(&name, series, c.ks.now / 1000);
    c.out.verbatim("txt", text.as_bytes());
    Ok(())
}

const ROWS: u64 = 4;
const COLUMNS: usize = 80;

/// A column for each of the latest samples; below it, from top to bottom, how long ago it was. The lowest is on the floor, the
/// highest reaches the top.
fn draw(name: &str, series: &Series, now: u64) -> String {
    let skip = series.samples.len().saturating_sub(COLUMNS);
    let samples: Vec<(u64, u64)> = series.samples.iter().copied().skip(skip).collect();
    let times = || samples.iter().map(|(_, ms)| *ms);
    let (low, high) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", series.max);
    text.extend(std::iter::repeat_n('-', COLUMNS));
    text.push('\n');
    for row in (0..ROWS).rev() {
        for ms in times() {
            let level = ((ms - low) * ROWS / (high - low).max(1)).min(ROWS - 1);
            text.push(match level.cmp(&row) {
                std::cmp::Ordering::Less => ' ',
                std::cmp::Ordering::Greater => '|',
                std::cmp::Ordering::Equal if ms == high && high > low => '#',
                std::cmp::Ordering::Equal => '_',
            });
        }
        text.push('\n');
    }
    text.push('\n');
    let labels: Vec<Vec<char>> = samples.iter().map(|(at, _)| ago(now.saturating_sub(*at)).chars().collect()).collect();
    for row in 0..labels.iter().map(Vec::len).max().unwrap_or(0) {
        text.extend(labels.iter().map(|label| label.get(row).unwrap_or(&' ')));
        text.push('\n');
    }
    text
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

pub(super) const DOCTOR: Row = Row {
    name: "DOCTOR",
    group: Group::Server,
    since: "2.8.13",
    arity: 2,
    flags: super::LOOK,
    summary: "Says in words what took long, and what may help.",
    complexity: "O(1)",
    ts: "(): string",
    run: doctor,
    ..Row::NONE
};

fn doctor(c: &mut Ctx) -> Outcome {
    let meter = &c.server.meter;
    let mut text = String::new();
    if meter.threshold_ms == 0 {
        text.push_str(
            "Nothing is watched: latency-monitor-threshold is 0. Set it to the milliseconds from which on an event counts as \
             slow, for example with CONFIG SET latency-monitor-threshold 100, and ask again later.\n",
        );
    } else if meter.events.is_empty() {
        let _ = writeln!(text, "All is well: since the last reset nothing took {} ms or longer.", meter.threshold_ms);
    }
    for (n, (name, series)) in meter.events.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", n + 1, in_words(name, series));
    }
    if let Some(advice) = advice(&meter.events.keys().copied().collect::<Vec<_>>()) {
        let _ = write!(text, "\nWhat may help:\n\n{advice}");
    }
    c.out.verbatim("txt", text.as_bytes());
    Ok(())
}

fn in_words(name: &str, series: &Series) -> String {
    let count = series.samples.len().max(1) as u64;
    let mean = series.samples.iter().map(|(_, ms)| ms).sum::<u64>() / count;
    let deviation = series.samples.iter().map(|(_, ms)| ms.abs_diff(mean)).sum::<u64>() / count;
    let (first, last) =
        (series.samples.front().copied().unwrap_or_default(), series.samples.back().copied().unwrap_or_default());
    let period = last.0.saturating_sub(first.0) as f64 / count as f64;
    format!(
        "{name}: {count} slow (average {mean} ms, mean deviation {deviation} ms, every {period:.2} s); the worst of all took {} ms.",
        series.max
    )
}

fn advice(events: &[&str]) -> Option<String> {
    let mut lines = Vec::new();
    let has = |prefix: &str| events.iter().any(|event| event.starts_with(prefix));
    if has("command") {
        lines.push(
            "- Look into SLOWLOG GET for the commands that took long, and ask for less at once, with SCAN and ranges.",
        );
        lines.push("- Large values cost time when they are deleted or copied: split them into several.");
    }
    if has("fast-command") {
        lines.push("- Even quick commands were slow: the machine may be short of CPU or memory, or swap.");
    }
    if has("expire") {
        lines.push("- Many keys expire at once: spread their times.");
    }
    if has("eviction") {
        lines.push("- Making room takes long: raise maxmemory, or write less at once.");
    }
    (!lines.is_empty()).then(|| lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graph_has_a_column_for_a_sample() {
        let mut series = Series { max: 500, ..Series::default() };
        series.samples.extend([(100, 100), (130, 200), (159, 500)]);
        let text = draw("command", &series, 160);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "command - high 500 ms, low 100 ms (all time high 500 ms)");
        assert_eq!(lines[2..], ["  #", "  |", " _|", "_||", "", "131", "m0s", " s "]);
    }
}
