//! Parameters of the process: its clock, logs, names, and how it ends.

use super::forms::{ANY_INT, INT, joined};
use super::{Kind, Param};
use crate::base::order;

const SHUTDOWN: &[&str] = &["default", "save", "nosave", "now", "force"];
const FACILITIES: &[&str] = &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];

pub(super) const PARAMS: &[Param] = &[
    Param::stored("hz", Kind::Special(hz), "10"),
    Param::stored("dynamic-hz", Kind::Bool, "yes"),
    Param::stored("loglevel", Kind::Enum(&["debug", "verbose", "notice", "warning", "nothing"]), "notice").hosted(),
    Param::stored("logfile", Kind::Text, "").fixed().hosted(),
    Param::stored("syslog-enabled", Kind::Bool, "no").fixed(),
    Param::stored("syslog-ident", Kind::Text, "redis").fixed(),
    Param::stored("syslog-facility", Kind::Enum(FACILITIES), "local0").fixed(),
    Param::stored("crash-log-enabled", Kind::Bool, "yes"),
    Param::stored("crash-memcheck-enabled", Kind::Bool, "yes"),
    Param::stored("use-exit-on-panic", Kind::Bool, "no").hidden(),
    Param::stored("shutdown-timeout", ANY_INT, "10").hosted(),
    Param::stored("shutdown-on-sigint", Kind::Words(shutdown_words), "default").hosted(),
    Param::stored("shutdown-on-sigterm", Kind::Words(shutdown_words), "default").hosted(),
    Param::stored("daemonize", Kind::Bool, "no").fixed().hosted(),
    Param::stored("pidfile", Kind::Text, "").fixed().hosted(),
    Param::stored("supervised", Kind::Enum(&["upstart", "systemd", "auto", "no"]), "no").fixed(),
    Param::stored("always-show-logo", Kind::Bool, "no").fixed(),
    Param::stored("set-proc-title", Kind::Bool, "yes").fixed(),
    Param::stored("proc-title-template", Kind::Special(title), "{title} {listen-addr} {server-mode}"),
    Param::stored("ignore-warnings", Kind::Text, ""),
    Param::stored("disable-thp", Kind::Bool, "yes").fixed(),
    Param::stored("oom-score-adj", Kind::Special(oom), "no").hosted(),
    Param::stored("oom-score-adj-values", Kind::Words(oom_values), "0 200 800").hosted(),
    Param::stored("server_cpulist", Kind::Text, "").fixed(),
    Param::stored("bio_cpulist", Kind::Text, "").fixed(),
];

/// Any number is taken, and the nearest that can be is used.
fn hz(new: &str, _old: &str) -> Result<String, String> {
    let checked = Kind::Int(0, INT).check(new.as_bytes(), Vec::new)?;
    Ok(super::forms::number(&checked).clamp(1, 500).to_string())
}

/// Some of the words; `save` and `nosave` exclude each other.
fn shutdown_words(new: &[&str], _old: &str) -> Result<String, String> {
    let known = || format!("argument(s) must be one of the following: {}", SHUTDOWN.join(", "));
    let find = |word: &str| SHUTDOWN.iter().position(|known| known.eq_ignore_ascii_case(word));
    let mut places: Vec<usize> = new.iter().map(|word| find(word).ok_or_else(known)).collect::<Result<_, _>>()?;
    if places.is_empty() {
        return Err(known());
    }
    order::by_key(&mut places, |place| *place as u64);
    places.dedup();
    if places.contains(&1) && places.contains(&2) {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_string());
    }
    // The default adds nothing to other words.
    if places.len() > 1 {
        places.retain(|place| *place != 0);
    }
    Ok(joined(&places.into_iter().map(|place| SHUTDOWN[place]).collect::<Vec<_>>()))
}

/// A text with known variables, which is not empty when they are.
fn title(new: &str, _old: &str) -> Result<String, String> {
    let bad = || "template format is invalid or contains unknown variables".to_string();
    let (mut rest, mut fixed) = (new, 0);
    while let Some((before, after)) = rest.split_once('{') {
        let (variable, after) = after.split_once('}').ok_or_else(bad)?;
        let text = match variable {
            "title" | "server-mode" | "unixsocket" | "config-file" => 0,
            "listen-addr" | "port" | "tls-port" => 1,
            _ => return Err(bad()),
        };
        fixed += before.len() + text;
        rest = after;
    }
    if fixed + rest.len() == 0 { Err(bad()) } else { Ok(new.to_string()) }
}

/// `relative` is another word for `yes`.
fn oom(new: &str, _old: &str) -> Result<String, String> {
    let word = Kind::Enum(&["no", "yes", "relative", "absolute"]).check(new.as_bytes(), Vec::new)?;
    Ok(if word == b"relative" { "yes".to_string() } else { String::from_utf8_lossy(&word).into_owned() })
}

fn oom_values(new: &[&str], _old: &str) -> Result<String, String> {
    let parse = |word: &&str| super::forms::loose_int(word).filter(|n| (-2000..=2000).contains(n));
    if new.len() != 3 {
        return Err("wrong number of arguments".to_string());
    }
    let numbers: Option<Vec<i64>> = new.iter().map(parse).collect();
    let numbers = numbers.ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
    Ok(joined(&numbers))
}
