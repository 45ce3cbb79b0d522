//! Which arguments are nobody's business: passwords, where MONITOR and the slow log would show them.

/// What stands for an argument that is not shown.
pub const REDACTED: &[u8] = b"(redacted)";

/// Parameters of `CONFIG SET` whose values are not shown.
const SECRET_PARAMETERS: &[&str] =
    &["masterauth", "masteruser", "requirepass", "tls-key-file-pass", "tls-client-key-file-pass", "primaryauth"];

/// Returns the arguments of the command called `full_name` as others may see them.
pub fn shown<'a>(full_name: &str, argv: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut shown = argv.to_vec();
    let is = |n: usize, word: &str| argv.get(n).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    let mut hide = |n: usize| {
        if let Some(arg) = shown.get_mut(n) {
            *arg = REDACTED;
        }
    };
    match full_name {
        "auth" => (1..argv.len()).for_each(hide),
        "acl|setuser" | "acl|deluser" | "acl|getuser" => (2..argv.len()).for_each(hide),
        "hello" => {
            for n in (2..argv.len()).filter(|n| is(*n, "AUTH")) {
                hide(n + 1);
                hide(n + 2);
            }
        }
        "migrate" => {
            for n in 6..argv.len() {
                if is(n, "KEYS") {
                    break;
                }
                if is(n, "AUTH") {
                    hide(n + 1);
                } else if is(n, "AUTH2") {
                    hide(n + 1);
                    hide(n + 2);
                }
            }
        }
        "config|set" => {
            let secret = |n: &usize| SECRET_PARAMETERS.iter().any(|name| is(*n, name));
            (2..argv.len()).step_by(2).filter(secret).for_each(|n| hide(n + 1));
        }
        _ => {}
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden() {
        let show = |name: &str, line: &str| {
            let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let words = shown(name, &argv);
            words.into_iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
        };
        for (name, line, want) in [
            ("get", "GET auth", "GET auth"),
            ("auth", "AUTH me secret", "AUTH (redacted) (redacted)"),
            ("acl|setuser", "ACL SETUSER me on", "ACL SETUSER (redacted) (redacted)"),
            ("hello", "HELLO 3 AUTH me secret SETNAME x", "HELLO 3 AUTH (redacted) (redacted) SETNAME x"),
            ("hello", "HELLO 3 AUTH", "HELLO 3 AUTH"),
            ("config|set", "CONFIG SET hz 1 requirepass x", "CONFIG SET hz 1 requirepass (redacted)"),
            ("migrate", "MIGRATE h 1 k 0 1 AUTH2 me x", "MIGRATE h 1 k 0 1 AUTH2 (redacted) (redacted)"),
        ] {
            assert_eq!(show(name, line), want);
        }
    }
}
