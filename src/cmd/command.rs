//! COMMAND: what the table knows about itself.

use crate::engine::{Ctx, Group, Outcome, Row};

/// The family.
pub const ROWS: &[Row] = &[];

/// The HELP row of a container; what it prints comes from the rows beside it.
pub const fn help_row(group: Group, since: &'static str, flags: u32) -> Row {
    Row {
        name: "HELP",
        group,
        since,
        arity: 2,
        flags,
        summary: "Prints this help.",
        complexity: "O(1)",
        ts: "(): string[]",
        run: help,
        ..Row::NONE
    }
}

/// Answers a line for every sub-command with its arguments, and one that says what it does.
fn help(c: &mut Ctx) -> Outcome {
    let table = c.server.table;
    let parent = table.slot(c.row_id).parent.map_or(c.row, |id| table.slot(id).row);
    c.out.array(1 + parent.subs.len() * 2);
    c.out.simple(&format!("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", parent.name));
    for sub in parent.subs {
        c.out.simple(format!("{} {}", sub.name, sub.syntax).trim_end());
        c.out.simple(&format!("    {}", sub.summary));
    }
    Ok(())
}
