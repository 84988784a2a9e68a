//! The filter of every list: words that must be there, and words with `-` that must not.

/// What is looked for. An empty one finds everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needle {
    text: String,
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Needle {
    /// Reads what was typed: words apart by spaces, capital or small alike, `-word` for rows without it.
    pub fn new(text: &str) -> Self {
        let mut needle = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        for word in text.split_whitespace() {
            match word.strip_prefix('-') {
                Some("") => {}
                Some(word) => needle.unwanted.push(word.to_lowercase()),
                None => needle.wanted.push(word.to_lowercase()),
            }
        }
        needle
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when it finds everything.
    pub const fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    /// Whether a row with this text is to be shown.
    pub fn finds(&self, row: &str) -> bool {
        if self.is_empty() {
            return true;
        }
        let row = row.to_lowercase();
        self.wanted.iter().all(|it| row.contains(it))
            && !self.unwanted.iter().any(|it| row.contains(it))
    }

    /// The words to highlight, in small letters.
    pub fn words(&self) -> &[String] {
        &self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_and_none_of_the_unwanted() {
        let needle = Needle::new("Writer -dead");
        assert!(needle.finds("writer>reviewer leased"));
        assert!(!needle.finds("writer>reviewer DEAD"));
        assert!(!needle.finds("reviewer"));
        assert!(Needle::new(" - ").finds("anything"));
    }
}
