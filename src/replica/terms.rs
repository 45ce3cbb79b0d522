//! Who led when: where in the feed each term begins.

/// How many are remembered.
const MOST: usize = 64;

/// Terms with the offsets at which they began, in order. What was before the first is of term 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms(Vec<(u64, u64)>);

impl Terms {
    /// The last one; 0 if there is none.
    pub fn last(&self) -> u64 {
        self.0.last().map_or(0, |(term, _)| *term)
    }

    /// The term that a node which is at `offset` of this history has come to.
    pub fn at(&self, offset: u64) -> u64 {
        self.0.iter().rev().find(|(_, start)| *start <= offset).map_or(0, |(term, _)| *term)
    }

    /// Begins a term at `offset`.
    pub fn begin(&mut self, term: u64, offset: u64) {
        self.0.push((term, offset));
        let over = self.0.len().saturating_sub(MOST);
        self.0.drain(..over);
    }

    /// Whether a node whose last term is `term`, and which is at `offset`, is at a place of this history.
    pub fn go_through(&self, term: u64, offset: u64) -> bool {
        let next = match self.0.iter().position(|(known, _)| *known == term) {
            Some(n) => n + 1,
            None if term == 0 => 0,
            None => return false,
        };
        self.0.get(next).is_none_or(|(_, start)| offset <= *start)
    }

    /// Up to which offset what `stored` is about is the same history as this, as far as both go. Without an end where this one goes on
    /// with that one.
    pub fn agree(&self, stored: &Terms) -> u64 {
        let common = stored.0.iter().rposition(|entry| self.0.contains(entry));
        let Some((_, beyond)) = stored.0.split_at_checked(common.map_or(0, |n| n + 1)) else { return 0 };
        beyond.first().map_or(u64::MAX, |(_, start)| *start)
    }

    /// As text: `1:0 2:90`.
    pub fn to_text(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(term, start)| format!("{term}:{start}")).collect();
        words.join(" ")
    }

    /// Reads the text. Nothing unless terms and offsets grow.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut terms = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()).take(MOST) {
            let (term, start) = word.split_once(':')?;
            terms.push((term.parse().ok()?, start.parse().ok()?));
        }
        let grow = terms.is_sorted_by(|(a, at), (b, then): &(u64, u64)| a < b && at <= then);
        (grow && terms.first().is_none_or(|(term, _)| *term > 0)).then_some(Terms(terms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_in_a_history_or_beside_it() {
        let terms = Terms::parse(b"1:0 2:90 4:120").unwrap();
        assert_eq!((terms.at(0), terms.at(89), terms.at(90), terms.at(500)), (1, 1, 2, 4));
        for (term, offset, within) in [
            (1, 50, true),
            (1, 90, true),
            (1, 91, false),
            (2, 120, true),
            (2, 121, false),
            (4, 999, true),
            (3, 5, false),
        ] {
            assert_eq!(terms.go_through(term, offset), within, "{term} {offset}");
        }
        assert!(terms.go_through(0, 0) && !terms.go_through(0, 1));
    }

    #[test]
    fn what_is_stored_is_the_same_history_up_to_where_it_leaves_it() {
        let mine = Terms::parse(b"1:0 2:90").unwrap();
        let agree = |stored: &[u8]| mine.agree(&Terms::parse(stored).unwrap());
        assert_eq!(agree(b"1:0 2:90"), u64::MAX);
        assert_eq!(agree(b"1:0"), u64::MAX);
        assert_eq!(agree(b""), u64::MAX);
        assert_eq!(agree(b"1:0 2:90 3:100"), 100);
        assert_eq!(agree(b"1:0 3:80"), 80);
    }

    #[test]
    fn text_is_read_back_and_nonsense_is_not() {
        let mut terms = Terms::default();
        for n in 0..100 {
            terms.begin(n + 1, n * 3);
        }
        assert_eq!(terms.0.len(), MOST);
        assert_eq!(Terms::parse(terms.to_text().as_bytes()), Some(terms));
        for wrong in ["1", "1:", ":1", "2:0 1:5", "1:5 2:4", "0:0", "1:0  x", "\u{e9}:1"] {
            assert_eq!(Terms::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
