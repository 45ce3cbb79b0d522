//! Glob patterns as `KEYS`, `SCAN` and `PSUBSCRIBE` use them: `*`, `?`, `[a-c^x]` and `\` to escape.

/// Returns whether `text` matches `pattern` as a whole. Time is at most pattern × text: a `*` that fails goes back to the
/// latest `*` only, which is enough, because an earlier one could not match more than it already did. As in Redis the empty text
/// matches the empty pattern only, not even `*`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_case(pattern, text, false)
}

/// A pattern matches nothing that takes more stars than this: Redis bounds its own work so, and answers likewise.
const MAX_STARS: usize = 1000;

/// Like [`matches`]; with `ignore_case` ASCII letters are equal to their other case.
pub fn matches_case(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    // Where to resume when what follows the latest star fails: just after the star, one more byte of text swallowed.
    let mut star: Option<(usize, usize)> = None;
    // Stars so far, each met once; several in a row are one.
    let mut stars = 0;
    while t < text.len() || p < pattern.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            while pattern.get(p + 1) == Some(&b'*') {
                p += 1;
            }
            if p + 1 == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > MAX_STARS {
                return false;
            }
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        if p < pattern.len()
            && t < text.len()
            && let Some(next) = one(pattern, p, text[t], ignore_case)
        {
            p = next;
            t += 1;
            continue;
        }
        match star {
            Some((after, from)) if from < text.len() => {
                star = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
            _ => return false,
        }
    }
    true
}

/// Matches the single pattern element at `p` against `byte`. Returns the position after the element, or `None`.
fn one(pattern: &[u8], p: usize, byte: u8, ignore_case: bool) -> Option<usize> {
    let fold = |b: u8| if ignore_case { b.to_ascii_lowercase() } else { b };
    match pattern[p] {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, fold(byte), fold),
        b'\\' if p + 1 < pattern.len() => (fold(pattern[p + 1]) == fold(byte)).then_some(p + 2),
        literal => (fold(literal) == fold(byte)).then_some(p + 1),
    }
}

/// Matches a character class whose first byte after `[` is at `p`. A class without `]` ends with the pattern.
fn class(pattern: &[u8], mut p: usize, byte: u8, fold: impl Fn(u8) -> u8) -> Option<usize> {
    let negated = pattern.get(p) == Some(&b'^');
    if negated {
        p += 1;
    }
    let mut hit = false;
    loop {
        match pattern.get(p) {
            None => break,
            Some(b']') => {
                p += 1;
                break;
            }
            Some(b'\\') if p + 1 < pattern.len() => {
                hit |= fold(pattern[p + 1]) == byte;
                p += 2;
            }
            Some(&from) if pattern.get(p + 1) == Some(&b'-') && p + 2 < pattern.len() => {
                let (a, b) = (fold(from), fold(pattern[p + 2]));
                hit |= (a.min(b)..=a.max(b)).contains(&byte);
                p += 3;
            }
            Some(&literal) => {
                hit |= fold(literal) == byte;
                p += 1;
            }
        }
    }
    (hit != negated).then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_documented_examples() {
        for (pattern, text, want) in [
            ("h?llo", "hello", true),
            ("h*llo", "heeeello", true),
            ("h*llo", "hllo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("\\*x", "*x", true),
            ("", "", true),
            ("", "x", false),
            ("*", "", false),
            ("**", "x", true),
            ("a*b*c", "aXbXbXc", true),
            ("[", "a", false),
            ("[a", "a", true),
            ("a\\", "a\\", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), want, "{pattern} {text}");
        }
        assert!(matches_case(b"HeL[L-M]o", b"hello", true));
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let text = vec![b'a'; 2_000];
        assert!(matches(&b"*?".repeat(1000), &text));
        assert!(matches(&[&b"*?".repeat(1000)[..], b"**"].concat(), &text));
        assert!(!matches(&b"*?".repeat(1001), &text));
        assert!(!matches(&b"a*".repeat(200).into_iter().chain(*b"b").collect::<Vec<_>>(), &text));
    }
}
