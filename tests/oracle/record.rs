//! Writes the replies of a real server into a transcript.

use crate::common::peer::Peer;
use crate::common::redis::RedisPeer;
use crate::common::transcript::{self, Case};

/// Fills in and corrects the replies of tests/transcripts/`name`.txt, but for those marked `~` and cases marked so.
pub fn record(name: &str) {
    let path = transcript::files().into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
    let path = path.unwrap_or_else(|| panic!("there is no tests/transcripts/{name}.txt"));
    let text = transcript::read(&path);
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let mut server = RedisPeer::start().expect("its program was there at the start");
    let cases = transcript::parse(&transcript::relative(&path), &text);
    // From the end, so that line numbers before stay right.
    let mut changed = 0;
    let replies: Vec<_> = cases.iter().filter(|case| !case.newer).flat_map(|case| replies(case, &mut server)).collect();
    for (at, reply) in replies.into_iter().rev() {
        changed += usize::from(lines[at.clone()] != reply);
        lines.splice(at, reply);
    }
    std::fs::write(&path, lines.join("\n") + "\n").expect("a file in the checkout can be written");
    println!("{}: {changed} replies changed", path.display());
}

/// Where the replies of the case stand, and what the server answers.
fn replies(case: &Case, server: &mut RedisPeer) -> Vec<(std::ops::Range<usize>, Vec<String>)> {
    server.reset();
    let answered = case.steps.iter().filter_map(|step| step.run(server).map(|reply| (step, reply)));
    answered.filter(|(step, _)| !step.newer).map(|(step, reply)| (step.reply_at.clone(), reply)).collect()
}
