//! Compares the engine with a real redis-server: transcripts and examples of rows to the letter, then random commands.
//!
//! `TABDIS_RECORD=lists cargo test --test oracle` writes the server's replies into tests/transcripts/lists.txt instead, but for
//! those marked `~`; `TABDIS_COMPAT=1` writes the compatibility table www/compat.json (`npm run compat`). `TABDIS_SEED` and
//! `TABDIS_STEPS` choose what random commands are compared, and how many; `TABDIS_GROUP=stream` those of a group, and generic ones.
#![cfg(all(unix, not(target_family = "wasm")))]

mod common;
mod oracle {
    pub mod compat;
    pub mod config;
    pub mod differ;
    pub mod feed;
    pub mod record;
    pub mod rules;
    pub mod streams;
    pub mod tolerance;
}

use common::peer::Peer;
use common::redis::{self, RedisPeer};
use common::transcript::{self, Against, Case};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use tabdis::engine::row::Slot;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if redis::program().is_none() {
        return libtest_mimic::run(&arguments, Vec::new()).exit_code();
    }
    if let Ok(name) = std::env::var("TABDIS_RECORD") {
        oracle::record::record(&name);
        return ExitCode::SUCCESS;
    }
    if std::env::var_os("TABDIS_COMPAT").is_some() {
        return oracle::compat::write();
    }
    let servers = Servers::default();
    let mut trials: Vec<Trial> = transcript::all().into_iter().map(|case| transcript_trial(case, &servers)).collect();
    let rows = tabdis::cmd::table().slots().iter().filter(|slot| common::is_runnable(slot));
    trials.extend(rows.map(|slot| row_trial(slot, &servers)));
    trials.push(Trial::test("every parameter of CONFIG", || oracle::config::run().map_err(Failed::from)));
    trials.push(Trial::test("effects of random commands", || oracle::feed::run().map_err(Failed::from)));
    trials.push(Trial::test("users of random rules", || oracle::rules::run().map_err(Failed::from)));
    trials.push(Trial::test("random commands", || oracle::differ::run().map_err(Failed::from)));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Servers that are running but not in use: starting one takes longer than most cases.
#[derive(Clone, Default)]
struct Servers(Arc<Mutex<Vec<RedisPeer>>>);

impl Servers {
    /// Runs `f` with a fresh server.
    fn with<R>(&self, f: impl FnOnce(&mut RedisPeer) -> R) -> R {
        let idle = self.0.lock().expect("nobody panics while holding it").pop();
        let mut server = idle.or_else(RedisPeer::start).expect("its program was there at the start");
        server.reset();
        let result = f(&mut server);
        self.0.lock().expect("nobody panics while holding it").push(server);
        result
    }
}

fn transcript_trial(case: Case, servers: &Servers) -> Trial {
    let servers = servers.clone();
    let title = format!("transcript {}", common::title(&case));
    let newer = case.newer;
    Trial::test(title, move || compare(&case, &servers)).with_ignored_flag(newer)
}

/// The server must answer as the file says.
fn compare(case: &Case, servers: &Servers) -> Result<(), Failed> {
    let tally = servers.with(|server| case.run(server, Against::Redis));
    if tally.failures.is_empty() { Ok(()) } else { Err(tally.failures.join("\n").into()) }
}

/// The server must answer as the row's example says, unless it lacks the command, or the row says that it differs.
fn row_trial(slot: &'static Slot, servers: &Servers) -> Trial {
    let servers = servers.clone();
    let differs = !slot.row.differs.is_empty() || slot.row.example.is_empty();
    Trial::test(format!("example {}", slot.full_name), move || {
        let case = Case::from_example(&slot.full_name, slot.row.example);
        if servers.with(|server| server.knows(&slot.full_name)) { compare(&case, &servers) } else { Ok(()) }
    })
    .with_ignored_flag(differs)
}
