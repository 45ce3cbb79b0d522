//! How memory is used: the figures behind INFO memory, MEMORY STATS and MEMORY DOCTOR.

use crate::cmd::info::{Lines, human, line, parameter};
use crate::engine::{Ctx, Session};

/// What memory is used for. Bytes, unless a field says otherwise.
pub struct Figures {
    /// In use now, and at most so far.
    pub used: u64,
    pub peak: u64,
    /// In use before there was any data.
    pub start: u64,
    /// What the process or instance takes from its surroundings.
    pub resident: u64,
    /// Sessions with what waits in their buffers.
    pub clients: u64,
    /// Effects that the host has not stored or sent yet.
    pub feed: u64,
    /// Function libraries.
    pub functions: u64,
    /// Of every database with keys: its number, its index, its expiry tree.
    pub databases: Vec<(usize, u64, u64)>,
    /// Keys of all databases.
    pub keys: u64,
}

impl Figures {
    /// Looks at everything now. Takes a step per thousand keys.
    pub fn of(c: &mut Ctx) -> Figures {
        let used = c.server.note_peak(c.ks.now);
        let resident = (c.server.resident)();
        let mut databases = Vec::new();
        let mut keys = 0;
        for db in 0..c.ks.db_count() {
            let (count, (index, expires)) = c.ks.in_db(db, |ks| (ks.len(), ks.overhead()));
            if count > 0 {
                keys += count as u64;
                databases.push((db, index as u64, expires as u64));
            }
        }
        Figures {
            used,
            peak: c.server.memory_peak.0,
            start: c.server.memory_at_start,
            resident: if resident == 0 { used } else { resident },
            clients: c.sessions.iter().chain([&*c.me]).map(cost).sum::<u64>() + c.out.bytes().len() as u64,
            feed: c.ks.effects.waiting() as u64 + c.server.aof.buffered,
            functions: c.ks.functions.bytes() as u64,
            databases,
            keys,
        }
    }

    /// What is not data: the start, clients, the feed, indices.
    pub fn overhead(&self) -> u64 {
        let indices: u64 = self.databases.iter().map(|(_, index, expires)| index + expires).sum();
        self.start + self.clients + self.feed + self.functions + indices
    }

    /// Keys and values.
    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// What is used above the start.
    pub fn net(&self) -> u64 {
        self.used.saturating_sub(self.start)
    }

    /// How much of what is above the start is data, in percent.
    pub fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.net())
    }

    /// How much of the peak is in use, in percent.
    pub fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// Resident bytes per byte in use.
    pub fn fragmentation(&self) -> f64 {
        self.resident as f64 / self.used.max(1) as f64
    }

    /// Resident bytes that are not in use; negative if some of what is in use is not resident.
    pub fn fragmentation_bytes(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// What a session takes.
fn cost(session: &Session) -> u64 {
    session.memory() as u64
}

/// The section of INFO.
pub fn info(c: &mut Ctx) -> Lines {
    let f = Figures::of(c);
    let max = c.server.config.maxmemory;
    let bytes = |name: &str, n: u64| [line(name, n), line(&format!("{name}_human"), human(n))];
    let mut lines = Lines::new();
    lines.extend(bytes("used_memory", f.used));
    lines.extend(bytes("used_memory_rss", f.resident));
    lines.extend(bytes("used_memory_peak", f.peak));
    lines.push(line("used_memory_peak_perc", format!("{:.2}%", f.peak_percent())));
    lines.push(line("used_memory_overhead", f.overhead()));
    lines.push(line("used_memory_startup", f.start));
    lines.push(line("used_memory_dataset", f.dataset()));
    lines.push(line("used_memory_dataset_perc", format!("{:.2}%", f.dataset_percent())));
    lines.push(line("allocator_allocated", f.used));
    lines.push(line("allocator_active", f.resident));
    lines.push(line("allocator_resident", f.resident));
    // The host says how much there is, where it knows.
    lines.extend(bytes("total_system_memory", 0));
    for name in ["used_memory_lua", "used_memory_vm_eval"] {
        lines.push(line(name, 0));
    }
    lines.push(line("used_memory_lua_human", human(0)));
    for name in ["used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions"] {
        lines.push(line(name, 0));
    }
    lines.push(line("number_of_libraries", c.ks.functions.len()));
    lines.push(line("used_memory_vm_functions", 0));
    lines.extend(bytes("used_memory_vm_total", 0));
    lines.push(line("used_memory_functions", f.functions));
    lines.extend(bytes("used_memory_scripts", f.functions));
    lines.extend(bytes("maxmemory", max));
    lines.push(line("maxmemory_policy", parameter(c, "maxmemory-policy")));
    lines.push(line("allocator_frag_ratio", format!("{:.2}", f.fragmentation())));
    lines.push(line("allocator_frag_bytes", f.fragmentation_bytes()));
    lines.push(line("allocator_rss_ratio", "1.00"));
    lines.push(line("allocator_rss_bytes", 0));
    lines.push(line("rss_overhead_ratio", "1.00"));
    lines.push(line("rss_overhead_bytes", 0));
    lines.push(line("mem_fragmentation_ratio", format!("{:.2}", f.fragmentation())));
    lines.push(line("mem_fragmentation_bytes", f.fragmentation_bytes()));
    lines.push(line("mem_not_counted_for_evict", f.feed));
    lines.push(line("mem_replication_backlog", 0));
    lines.push(line("mem_total_replication_buffers", 0));
    lines.push(line("mem_clients_slaves", 0));
    lines.push(line("mem_clients_normal", f.clients));
    lines.push(line("mem_cluster_links", 0));
    lines.push(line("mem_aof_buffer", f.feed));
    lines.push(line("mem_allocator", allocator()));
    lines.push(line("active_defrag_running", 0));
    lines.push(line("lazyfree_pending_objects", c.ks.graves.pending));
    lines.push(line("lazyfreed_objects", c.ks.graves.freed));
    lines
}

/// The allocator's name.
pub fn allocator() -> &'static str {
    if cfg!(target_family = "wasm") { "dlmalloc" } else { "libc" }
}
