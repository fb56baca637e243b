//! What can be wrong with an event or a file.

use std::fmt;

/// An event that cannot be written, or a file that cannot be read: where, and what is wrong.
///
/// Names components, properties and lines, never what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IcsError {
    /// The component, such as `VEVENT`.
    pub component: &'static str,
    /// The property, such as `DTSTART`, where it is one.
    pub property: Option<&'static str>,
    /// The line of the file, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: IcsProblem,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IcsProblem {
    /// It is needed and not there.
    #[error("is missing")]
    Missing,
    /// It is there twice.
    #[error("is there more than once")]
    Repeated,
    /// It is not what RFC 5545 says it should be.
    #[error("is malformed")]
    Malformed,
    /// It is larger than this crate reads.
    #[error("is too large")]
    TooLarge,
    /// It is nested deeper than this crate reads.
    #[error("is nested too deeply")]
    TooDeep,
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It names a time zone that the IANA database does not know.
    #[error("names an unknown time zone")]
    UnknownZone,
    /// It is a time that names no zone, and so is another instant for every reader.
    #[error("names no time zone")]
    Floating,
    /// Its year is outside 1900 to 2999.
    #[error("has a year outside 1900 to 2999")]
    Year,
    /// The end does not come after the start.
    #[error("does not come after DTSTART")]
    EndBeforeStart,
}

impl IcsError {
    pub(crate) fn file(problem: IcsProblem) -> Self {
        Self { component: "VCALENDAR", property: None, line: None, problem }
    }

    pub(crate) fn event(property: &'static str, problem: IcsProblem) -> Self {
        Self { component: "VEVENT", property: Some(property), line: None, problem }
    }

    pub(crate) fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }
}

impl fmt::Display for IcsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(self.component)?;
        if let Some(property) = self.property {
            write!(f, " {property}")?;
        }
        write!(f, " {}", self.problem)
    }
}

impl std::error::Error for IcsError {}
