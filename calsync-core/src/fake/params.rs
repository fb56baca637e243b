//! The parameters of a query or a form.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

/// Parameters of a query or a form, decoded, in the order they were sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `name=value&…`, encoded as in a form: a plus is a space. A name without `=` has an
    /// empty value.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// All names and values, in the order they were sent.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of that name, in the order they were sent.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Shows nothing, because values may be secrets.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Params(..)")
    }
}

fn decoded(text: &str) -> String {
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_after_splitting() {
        let params = Params::parse("a=1%262&&b+c=d+e%2Bf&a=g=h&flag");
        assert_eq!(params.get("a"), Some("1&2"));
        assert_eq!(params.all("a").collect::<Vec<_>>(), ["1&2", "g=h"]);
        assert_eq!(params.get("b c"), Some("d e+f"));
        assert_eq!(params.get("flag"), Some(""));
        assert_eq!((params.pairs().len(), params.get("x")), (4, None));
    }
}
