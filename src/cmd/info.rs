//! INFO: what the engine knows about itself, in Redis's sections and words. Figures that only a host has (its memory's peak, its
//! network, a save in progress) are lines of [`Server::host_info`](crate::engine::Server::host_info), which replace those here.

use super::connection::REDIS_VERSION;
use crate::engine::forward::Part;
use crate::engine::pubsub::Kind;
use crate::engine::{Ctx, Group, Outcome, Row, flag};
use std::collections::BTreeSet;

/// The command.
pub const INFO: Row = Row {
    name: "INFO",
    group: Group::Server,
    since: "1.0.0",
    arity: -1,
    flags: flag::LOADING | flag::STALE,
    summary: "Returns figures about the server: all, or those of some sections.",
    complexity: "O(1)",
    syntax: "[section [section ...]]",
    ts: "(...sections: string[]): string",
    example: "> INFO cluster\n# Cluster\ncluster_enabled:0",
    run: info,
    ..Row::NONE
};

/// The lines of a section, `name:value`.
pub type Lines = Vec<(String, String)>;

/// A section: its name, whether it is shown when none is asked for, and its lines.
type Section = (&'static str, bool, fn(&mut Ctx) -> Lines);

/// In the order they are printed.
const SECTIONS: &[Section] = &[
    ("Server", true, server),
    ("Clients", true, clients),
    ("Memory", true, super::memory::figures::info),
    ("Persistence", true, persistence),
    ("Stats", true, stats),
    ("Replication", true, replication),
    ("CPU", true, cpu),
    ("Modules", true, |_| Lines::new()),
    ("Commandstats", false, commandstats),
    ("Errorstats", true, errorstats),
    ("Latencystats", false, latencystats),
    ("Cluster", true, |_| vec![line("cluster_enabled", 0)]),
    ("Keyspace", true, keyspace),
    ("Debug", false, debug),
];

/// Bytes of the reply to a plain INFO, rounded up.
const USUAL_LENGTH: usize = 8 << 10;

fn info(c: &mut Ctx) -> Outcome {
    // Before memory is looked at: the room for this reply is in use from now on, and who reads `used_memory` to set a limit just
    // above it must find it there.
    c.out.bytes_mut().reserve(USUAL_LENGTH);
    let wanted: Vec<String> =
        c.args().rest().iter().map(|arg| String::from_utf8_lossy(arg).to_ascii_lowercase()).collect();
    let has = |word: &str| wanted.iter().any(|name| name == word);
    let all = has("all") || has("everything");
    let default = wanted.is_empty() || has("default");
    let figures = (c.server.figures)();
    let mut text = String::new();
    for (title, by_default, lines) in SECTIONS {
        let name = title.to_ascii_lowercase();
        if !((all && *title != "Debug") || (default && *by_default) || has(&name)) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str(&format!("# {title}\r\n"));
        let mut lines = lines(c);
        add_host_lines(c, &figures, &name, &mut lines);
        for (name, value) in lines {
            text.push_str(&format!("{name}:{value}\r\n"));
        }
    }
    c.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The host's word counts, where it has one.
fn add_host_lines(c: &Ctx, figures: &[(&str, String)], section: &str, lines: &mut Lines) {
    let said = c.server.host_info.iter().chain(figures);
    for (_, line) in said.filter(|(of, _)| of.eq_ignore_ascii_case(section)) {
        let Some((name, value)) = line.split_once(':') else { continue };
        match lines.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value.to_string(),
            None => lines.push((name.to_string(), value.to_string())),
        }
    }
}

/// A line.
pub fn line(name: &str, value: impl ToString) -> (String, String) {
    (name.to_string(), value.to_string())
}

fn server(c: &mut Ctx) -> Lines {
    let uptime = c.ks.now.saturating_sub(c.server.started_ms) / 1000;
    let hz = parameter(c, "hz");
    vec![
        line("redis_version", REDIS_VERSION),
        line("redis_git_sha1", "00000000"),
        line("redis_git_dirty", 0),
        line("server_name", "tabdis"),
        line("tabdis_version", env!("CARGO_PKG_VERSION")),
        line("redis_mode", "standalone"),
        line("os", if cfg!(target_family = "wasm") { "WebAssembly" } else { std::env::consts::OS }),
        line("arch_bits", usize::BITS),
        line("run_id", &c.server.run_id),
        line("tcp_port", parameter(c, "port")),
        line("server_time_usec", c.ks.now.saturating_mul(1000)),
        line("uptime_in_seconds", uptime),
        line("uptime_in_days", uptime / 86_400),
        line("hz", &hz),
        line("configured_hz", &hz),
        line("lru_clock", c.ks.lru_clock()),
        line("executable", ""),
        line("config_file", ""),
    ]
}

/// The value of a parameter.
pub fn parameter(c: &Ctx, name: &str) -> String {
    super::params::find(name.as_bytes()).map_or_else(String::new, |p| String::from_utf8_lossy(&p.get(c)).into_owned())
}

fn clients(c: &mut Ctx) -> Lines {
    let others = || c.sessions.iter().filter(|s| !s.replica && !s.closing);
    let waits = || others().filter_map(|s| s.wait.as_ref());
    let keys = |on_missing: bool| {
        let waits = waits().filter(move |wait| wait.on_missing || !on_missing);
        waits.flat_map(|wait| wait.keys.iter().map(|key| (wait.db, key))).collect::<BTreeSet<_>>().len()
    };
    let watched = |s: &crate::engine::Session| s.watching.len();
    let most = |size: fn(&crate::engine::Session) -> usize| others().chain([&*c.me]).map(size).max().unwrap_or(0);
    vec![
        line("connected_clients", others().count() + usize::from(!c.me.replica)),
        line("cluster_connections", 0),
        line("maxclients", c.server.config.maxclients),
        line("client_recent_max_input_buffer", most(|s| s.buffers.query + s.buffers.query_free)),
        line("client_recent_max_output_buffer", most(|s| s.pending().max(s.buffers.reply_peak))),
        line("blocked_clients", c.server.blocked),
        line("tracking_clients", c.server.tracking.sessions),
        line("pubsub_clients", others().chain([&*c.me]).filter(|s| s.subscriptions() > 0).count()),
        line("watching_clients", others().chain([&*c.me]).filter(|s| watched(s) > 0).count()),
        line("clients_in_timeout_table", waits().filter(|wait| wait.deadline > 0).count()),
        line("total_watched_keys", others().chain([&*c.me]).map(watched).sum::<usize>()),
        line("total_blocking_keys", keys(false)),
        line("total_blocking_keys_on_nokey", keys(true)),
    ]
}

/// Bytes for people: `1.50M`.
pub fn human(bytes: u64) -> String {
    let n = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..0x10_0000 => format!("{:.2}K", n / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.2}M", n / 1_048_576.0),
        0x4000_0000..0x100_0000_0000 => format!("{:.2}G", n / 1_073_741_824.0),
        _ => format!("{:.2}T", n / 1_099_511_627_776.0),
    }
}

fn persistence(c: &mut Ctx) -> Lines {
    let saves = c.server.saves;
    let rewriting_log = c.server.aof.rewriting_since_ms.is_some();
    let total = if c.ks.snapshot_running() { saves.keys } else { 0 };
    let done = total.saturating_sub(c.ks.snapshot_left());
    let running = saves.began_ms.map(|began| c.ks.now.saturating_sub(began) / 1000);
    let aof = &c.server.aof;
    let rewriting = aof.rewriting_since_ms.map(|began| c.ks.now.saturating_sub(began) / 1000);
    let seconds = |n: Option<u64>| n.map_or(-1, |n| n as i64);
    let status = |failed: bool| if failed { "err" } else { "ok" };
    let mut lines = vec![
        line("loading", u8::from(c.server.loading.is_some())),
        line("async_loading", 0),
        line("current_cow_peak", 0),
        line("current_cow_size", 0),
        line("current_cow_size_age", 0),
        line("current_fork_perc", format!("{:.2}", done as f64 * 100.0 / total.max(1) as f64)),
        line("current_save_keys_processed", done),
        line("current_save_keys_total", total),
        line("rdb_changes_since_last_save", c.ks.dirty),
        line("rdb_bgsave_in_progress", u8::from(c.is_saving())),
        line("rdb_last_save_time", c.server.last_save_ms / 1000),
        line("rdb_last_bgsave_status", status(saves.failed)),
        line("rdb_last_bgsave_time_sec", seconds(saves.seconds)),
        line("rdb_current_bgsave_time_sec", seconds(running)),
        line("rdb_saves", saves.count),
        line("rdb_last_cow_size", 0),
        line("rdb_last_load_keys_expired", saves.loaded_due),
        line("rdb_last_load_keys_loaded", saves.loaded),
        line("aof_enabled", u8::from(aof.enabled)),
        line("aof_rewrite_in_progress", u8::from(rewriting_log)),
        line("aof_rewrite_scheduled", u8::from(c.server.rewrite_scheduled)),
        line("aof_last_rewrite_time_sec", seconds(aof.rewrite_seconds)),
        line("aof_current_rewrite_time_sec", seconds(rewriting)),
        line("aof_last_bgrewrite_status", status(aof.rewrite_failed)),
        line("aof_rewrites", aof.rewrites),
        line("aof_rewrites_consecutive_failures", aof.rewrite_failures),
        line("aof_last_write_status", status(aof.write_failed.is_some())),
        line("aof_last_cow_size", 0),
        line("module_fork_in_progress", 0),
        line("module_fork_last_cow_size", 0),
    ];
    if aof.enabled {
        lines.extend([
            line("aof_current_size", aof.size),
            line("aof_base_size", aof.base_size),
            line("aof_pending_rewrite", u8::from(c.server.rewrite_scheduled)),
            line("aof_buffer_length", aof.buffered),
            line("aof_pending_bio_fsync", aof.pending_syncs),
            line("aof_delayed_fsync", aof.delayed_syncs),
            // Of this project alone: what persistence costs, as a ratio.
            line("aof_changed_bytes", aof.changed_bytes),
            line("aof_written_bytes", aof.written_bytes),
            line(
                "aof_write_amplification",
                format!("{:.2}", aof.written_bytes as f64 / aof.changed_bytes.max(1) as f64),
            ),
        ]);
    }
    if let Some(loading) = c.server.loading {
        let share = loading.loaded as f64 * 100.0 / loading.total.max(1) as f64;
        let elapsed = c.ks.now.saturating_sub(loading.began_ms) / 1000;
        lines.extend([
            line("loading_start_time", loading.began_ms / 1000),
            line("loading_total_bytes", loading.total),
            line("loading_rdb_used_mem", 0),
            line("loading_loaded_bytes", loading.loaded),
            line("loading_loaded_perc", format!("{share:.2}")),
            line("loading_eta_seconds", (elapsed as f64 * (100.0 - share) / share.max(0.01)) as u64),
        ]);
    }
    lines
}

fn stats(c: &mut Ctx) -> Lines {
    let (stats, denials) = (&c.ks.stats, c.server.acl.denials);
    let meter = &c.server.meter;
    let [ops, input, output, turns, turns_us] = meter.rates.map(|rate| rate.mean());
    let (tracked_keys, tracked_items, tracked_prefixes) = c.server.tracking.sizes();
    let (exceeded, exceeding) = c.server.evict.exceeded(c.ks.now);
    vec![
        line("total_connections_received", c.server.connections),
        line("total_commands_processed", c.server.calls.iter().map(|calls| calls.calls).sum::<u64>()),
        line("instantaneous_ops_per_sec", ops as u64),
        line("total_net_input_bytes", meter.bytes_in),
        line("total_net_output_bytes", meter.bytes_out),
        line("total_net_repl_input_bytes", 0),
        line("total_net_repl_output_bytes", 0),
        line("instantaneous_input_kbps", format!("{:.2}", input / 1024.0)),
        line("instantaneous_output_kbps", format!("{:.2}", output / 1024.0)),
        line("instantaneous_input_repl_kbps", "0.00"),
        line("instantaneous_output_repl_kbps", "0.00"),
        line("rejected_connections", meter.rejected_connections),
        line("sync_full", 0),
        line("sync_partial_ok", 0),
        line("sync_partial_err", 0),
        line("expired_subkeys", stats.expired_fields),
        line("expired_keys", stats.expired),
        // Due keys are found by their times, not by samples: none is stale for long, and no cycle ends early.
        line("expired_stale_perc", "0.00"),
        line("expired_time_cap_reached_count", 0),
        line("expire_cycle_cpu_milliseconds", meter.expire_us / 1000),
        line("evicted_keys", stats.evicted),
        line("evicted_clients", meter.evicted_clients),
        line("total_eviction_exceeded_time", exceeded),
        line("current_eviction_exceeded_time", exceeding),
        line("keyspace_hits", stats.hits),
        line("keyspace_misses", stats.misses),
        line("pubsub_channels", c.pubsub.registry(Kind::Channel).len()),
        line("pubsub_patterns", c.pubsub.registry(Kind::Pattern).len()),
        line("pubsubshard_channels", c.pubsub.registry(Kind::Shard).len()),
        // Nothing forks, moves memory about, or is migrated.
        line("latest_fork_usec", 0),
        line("total_forks", c.server.saves.jobs),
        line("migrate_cached_sockets", 0),
        line("slave_expires_tracked_keys", 0),
        line("active_defrag_hits", 0),
        line("active_defrag_misses", 0),
        line("active_defrag_key_hits", 0),
        line("active_defrag_key_misses", 0),
        line("total_active_defrag_time", 0),
        line("current_active_defrag_time", 0),
        line("tracking_total_keys", tracked_keys),
        line("tracking_total_items", tracked_items),
        line("tracking_total_prefixes", tracked_prefixes),
        line("unexpected_error_replies", meter.unexpected_errors),
        line("total_error_replies", c.server.errors.values().sum::<u64>()),
        line("acl_access_denied_auth", denials.auth),
        line("acl_access_denied_cmd", denials.command),
        line("acl_access_denied_key", denials.key),
        line("acl_access_denied_channel", denials.channel),
        line("dump_payload_sanitizations", 0),
        line("total_reads_processed", meter.reads),
        line("total_writes_processed", meter.writes),
        line("io_threaded_reads_processed", 0),
        line("io_threaded_writes_processed", 0),
        line("reply_buffer_shrinks", meter.reply_shrinks),
        line("reply_buffer_expands", meter.reply_expands),
        line("eventloop_cycles", meter.turns.count),
        line("eventloop_duration_sum", meter.turns.us),
        line("eventloop_duration_cmd_sum", meter.turns.command_us),
        line("instantaneous_eventloop_cycles_per_sec", turns as u64),
        line("instantaneous_eventloop_duration_usec", if turns > 0.0 { (turns_us / turns) as u64 } else { 0 }),
        line("client_query_buffer_limit_disconnections", c.sessions.input_cuts),
        line("client_output_buffer_limit_disconnections", c.sessions.output_cuts),
    ]
}

fn replication(c: &mut Ctx) -> Lines {
    let followers = c.followers();
    let mut lines = match c.server.afar.part {
        Part::Leads => vec![line("role", "master")],
        Part::Forwards => leader(c),
    };
    lines.push(line("connected_slaves", followers.len()));
    for (n, follower) in followers.iter().enumerate() {
        let (ip, port, offset) = (&follower.ip, follower.port, follower.acknowledged);
        lines.push(line(&format!("slave{n}"), format!("ip={ip},port={port},state=online,offset={offset},lag=0")));
    }
    lines.extend([
        line("master_failover_state", "no-failover"),
        line("master_replid", &c.server.replid),
        line("master_replid2", "0".repeat(40)),
        line("master_repl_offset", c.ks.effects.offset()),
        line("second_repl_offset", -1),
        line("repl_backlog_active", 0),
        line("repl_backlog_size", parameter(c, "repl-backlog-size")),
        line("repl_backlog_first_byte_offset", 0),
        line("repl_backlog_histlen", 0),
    ]);
    lines
}

/// What a follower tells of itself and its leader.
fn leader(c: &Ctx) -> Lines {
    let leader = &c.server.afar.leader;
    let seconds_since = |ms: u64| c.ks.now.saturating_sub(ms) / 1000;
    let offset = c.ks.effects.offset();
    let mut lines = vec![
        line("role", "slave"),
        line("master_host", &leader.name),
        line("master_port", leader.port),
        line("master_link_status", if leader.is_up { "up" } else { "down" }),
        line("master_last_io_seconds_ago", if leader.is_up { seconds_since(leader.heard_ms) as i64 } else { -1 }),
        line("master_sync_in_progress", u8::from(leader.is_syncing)),
        line("slave_read_repl_offset", offset),
        line("slave_repl_offset", offset),
    ];
    if !leader.is_up {
        lines.push(line("master_link_down_since_seconds", seconds_since(leader.lost_ms)));
    }
    lines.extend([line("slave_priority", 100), line("slave_read_only", 1), line("replica_announced", 1)]);
    lines
}

/// The host's figures; the engine knows nothing of processors.
fn cpu(_: &mut Ctx) -> Lines {
    Lines::new()
}

/// The times are 0 where nothing is timed: see [`Meter`](crate::engine::meter::Meter).
fn commandstats(c: &mut Ctx) -> Lines {
    let calls = c.server.table.slots().iter().zip(&c.server.calls);
    let used = calls.filter(|(_, stats)| stats.calls + stats.rejected + stats.failed > 0);
    used.map(|(slot, stats)| {
        let value = format!(
            "calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
            stats.calls,
            stats.usec,
            stats.usec as f64 / stats.calls.max(1) as f64,
            stats.rejected,
            stats.failed
        );
        line(&format!("cmdstat_{}", slot.full_name), value)
    })
    .collect()
}

/// Only shown when asked for by its name.
fn debug(c: &mut Ctx) -> Lines {
    let turns = &c.server.meter.turns;
    vec![
        line("eventloop_duration_aof_sum", turns.log_us),
        line("eventloop_duration_cron_sum", turns.cron_us),
        line("eventloop_duration_max", turns.max_us),
        line("eventloop_cmd_per_cycle_max", turns.max_commands),
    ]
}

fn latencystats(c: &mut Ctx) -> Lines {
    if !c.server.meter.tracking {
        return Lines::new();
    }
    let wanted = parameter(c, "latency-tracking-info-percentiles");
    let wanted: Vec<f64> = wanted.split_whitespace().filter_map(|p| p.parse().ok()).collect();
    let histograms = c.server.table.slots().iter().zip(&c.server.meter.histograms);
    let used = histograms.filter_map(|(slot, histogram)| Some((slot, histogram.as_ref()?)));
    used.map(|(slot, histogram)| {
        let values: Vec<String> = wanted.iter().map(|p| format!("p{p}={:.3}", histogram.percentile(*p))).collect();
        line(&format!("latency_percentiles_usec_{}", slot.full_name), values.join(","))
    })
    .collect()
}

fn errorstats(c: &mut Ctx) -> Lines {
    c.server.errors.iter().map(|(code, n)| line(&format!("errorstat_{code}"), format!("count={n}"))).collect()
}

fn keyspace(c: &mut Ctx) -> Lines {
    let mut lines = Lines::new();
    for db in 0..c.ks.db_count() {
        let (keys, (expires, ttl)) = c.ks.in_db(db, |ks| (ks.len(), ks.volatile()));
        if keys > 0 {
            lines.push(line(&format!("db{db}"), format!("keys={keys},expires={expires},avg_ttl={ttl}")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn bytes_for_people() {
        for (bytes, want) in [(0, "0B"), (1023, "1023B"), (968_192, "945.50K"), (1_610_612_736, "1.50G")] {
            assert_eq!(human(bytes), want);
        }
    }
}
