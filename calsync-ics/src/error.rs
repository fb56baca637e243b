//! [`IcsError`]: errors of the writer and the reader.

use std::fmt;

/// An event cannot be written, or a file cannot be read.
///
/// The error names component, property and line, and never contains their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IcsError {
    /// Name of the component, such as `VEVENT`.
    pub component: &'static str,
    /// Name of the property, such as `DTSTART`. `None` if the component as a whole is the problem.
    pub property: Option<&'static str>,
    /// Number of the line in the file, from 1, if known.
    pub line: Option<usize>,
    /// Kind of the problem.
    pub problem: IcsProblem,
}

/// What is wrong with a component or a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IcsProblem {
    /// It is required, and missing.
    #[error("is missing")]
    Missing,
    /// It may appear only once, and appears more than once.
    #[error("appears more than once")]
    Repeated,
    /// It violates RFC 5545.
    #[error("is malformed")]
    Malformed,
    /// It exceeds this crate's size limit.
    #[error("is too large")]
    TooLarge,
    /// It exceeds this crate's nesting limit.
    #[error("is nested too deeply")]
    TooDeep,
    /// It has an encoding that this crate does not read, or mixes several.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It names a time zone that the IANA database does not contain.
    #[error("names an unknown time zone")]
    UnknownZone,
    /// It is a local time without a zone, which each reader would interpret in its own zone.
    #[error("names no time zone")]
    Floating,
    /// Its year is outside 1900 to 2999.
    #[error("has a year outside 1900 to 2999")]
    Year,
    /// The end is not after the start.
    #[error("is not after DTSTART")]
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
