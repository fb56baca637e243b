//! `$filter`. Expressions that the fake does not support are refused.

use chrono::{DateTime, Utc};

use super::properties;
use super::reply::Problem;
use super::schema;
use super::state::StoredEvent;
use super::times;

/// A field that can be filtered or sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Subject,
    ICalUId,
    Created,
    Modified,
    Start,
    End,
    Property,
}

/// A comparison operator or function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    StartsWith,
    Contains,
}

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Text(Field, Op, String),
    Time(Field, Op, DateTime<Utc>),
    /// An extended property with that id, and with a matching value if a comparison is given.
    Property(String, Option<(Op, String)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Text(String),
}

impl Field {
    /// The field of that name. An error if it cannot be filtered and sorted by.
    pub(super) fn of(name: &str) -> Result<Self, Problem> {
        Ok(match name {
            "subject" => Self::Subject,
            "iCalUId" => Self::ICalUId,
            "createdDateTime" => Self::Created,
            "lastModifiedDateTime" => Self::Modified,
            "start/dateTime" => Self::Start,
            "end/dateTime" => Self::End,
            other => {
                let first = other.split('/').next().unwrap_or(other);
                return Err(if schema::is_event_property(first) {
                    // This message was seen for `transactionId`.
                    let message = format!("The property '{other}' does not support filtering.");
                    Problem::bad("ErrorInvalidProperty", message)
                } else {
                    Problem::url(format!(
                        "Could not find a property named '{other}' on type 'microsoft.graph.event'."
                    ))
                });
            }
        })
    }

    /// The sort key of an event.
    pub(super) fn key(self, event: &StoredEvent) -> String {
        match self {
            Self::Subject => event.text_field("subject").to_lowercase(),
            Self::ICalUId => event.ical_uid.clone(),
            Self::Created => times::stamp_text(event.created),
            Self::Modified => times::stamp_text(event.modified),
            Self::Start => times::stamp_text(event.start.at),
            Self::End => times::stamp_text(event.end.at),
            Self::Property => String::new(),
        }
    }

    fn time(self, event: &StoredEvent) -> Option<DateTime<Utc>> {
        match self {
            Self::Created => Some(event.created),
            Self::Modified => Some(event.modified),
            Self::Start => Some(event.start.at),
            Self::End => Some(event.end.at),
            Self::Subject | Self::ICalUId | Self::Property => None,
        }
    }
}

impl Op {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            _ => return None,
        })
    }

    fn holds<T: PartialOrd>(self, one: &T, other: &T) -> bool {
        match self {
            Self::Eq => one == other,
            Self::Ne => one != other,
            Self::Gt => one > other,
            Self::Ge => one >= other,
            Self::Lt => one < other,
            Self::Le => one <= other,
            Self::StartsWith | Self::Contains => false,
        }
    }

    /// Compares texts without case.
    fn holds_text(self, one: &str, other: &str) -> bool {
        let (one, other) = (one.to_lowercase(), other.to_lowercase());
        match self {
            Self::StartsWith => one.starts_with(&other),
            Self::Contains => one.contains(&other),
            _ => self.holds(&one, &other),
        }
    }
}

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: tokens.into_iter().rev().collect() };
        let filter = parser.any_of(0)?;
        if parser.tokens.is_empty() { Ok(filter) } else { Err(invalid_filter()) }
    }

    pub(super) fn matches(&self, event: &StoredEvent) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.matches(event)),
            Self::Or(any) => any.iter().any(|filter| filter.matches(event)),
            Self::Not(filter) => !filter.matches(event),
            Self::Text(Field::ICalUId, op, text) => op.holds_text(&event.ical_uid, text),
            Self::Text(_, op, text) => op.holds_text(event.text_field("subject"), text),
            Self::Time(field, op, bound) => field.time(event).is_some_and(|time| op.holds(&time, bound)),
            Self::Property(id, value) => event.properties.get(id).is_some_and(|has| match value {
                None => true,
                Some((Op::Eq, expected)) => properties::is_same(has, expected),
                Some((op, expected)) => op.holds_text(has, expected),
            }),
        }
    }

    /// The fields that the filter uses, in order.
    pub(super) fn fields(&self) -> Vec<Field> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::fields).collect(),
            Self::Not(filter) => filter.fields(),
            Self::Text(field, ..) | Self::Time(field, ..) => vec![*field],
            Self::Property(..) => vec![Field::Property],
        }
    }
}

/// The ids in the `$filter` of an `$expand`: `id eq '…' or id eq '…'`.
pub(super) fn property_ids(text: &str) -> Result<Vec<String>, Problem> {
    let tokens = tokens(text)?;
    let mut ids = Vec::new();
    for test in tokens.split(|token| *token == Token::Word("or".into())) {
        match test {
            [Token::Word(id), Token::Word(eq), Token::Text(text)] if id == "id" && eq == "eq" => {
                ids.push(properties::canonical(text).ok_or_else(bad_property)?);
            }
            _ => return Err(invalid_filter()),
        }
    }
    Ok(ids)
}

/// The tokens that are left, in reverse order.
struct Parser {
    tokens: Vec<Token>,
}

impl Parser {
    fn word(&mut self) -> Result<String, Problem> {
        match self.tokens.pop() {
            Some(Token::Word(word)) => Ok(word),
            _ => Err(invalid_filter()),
        }
    }

    fn text(&mut self) -> Result<String, Problem> {
        match self.tokens.pop() {
            Some(Token::Text(text)) => Ok(text),
            _ => Err(invalid_filter()),
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_next = self.tokens.last() == Some(token);
        if is_next {
            self.tokens.pop();
        }
        is_next
    }

    fn needs(&mut self, token: &Token) -> Result<(), Problem> {
        if self.takes(token) { Ok(()) } else { Err(invalid_filter()) }
    }

    /// `depth` bounds the recursion.
    fn any_of(&mut self, depth: u8) -> Result<Filter, Problem> {
        let mut any = vec![self.all_of(depth)?];
        while self.takes(&Token::Word("or".into())) {
            any.push(self.all_of(depth)?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn all_of(&mut self, depth: u8) -> Result<Filter, Problem> {
        let mut all = vec![self.one(depth)?];
        while self.takes(&Token::Word("and".into())) {
            all.push(self.one(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn one(&mut self, depth: u8) -> Result<Filter, Problem> {
        if depth > 16 {
            return Err(invalid_filter());
        }
        if self.takes(&Token::Open) {
            let inner = self.any_of(depth + 1)?;
            self.needs(&Token::Close)?;
            return Ok(inner);
        }
        let word = self.word()?;
        match word.as_str() {
            "not" => Ok(Filter::Not(Box::new(self.one(depth + 1)?))),
            "startswith" | "contains" => {
                let op = function(&word)?;
                let (name, text) = self.arguments()?;
                match Field::of(&name)? {
                    Field::Subject => Ok(Filter::Text(Field::Subject, op, text)),
                    _ => Err(invalid_filter()),
                }
            }
            "singleValueExtendedProperties/any" => self.property(),
            _ => self.comparison(&word),
        }
    }

    fn arguments(&mut self) -> Result<(String, String), Problem> {
        self.needs(&Token::Open)?;
        let name = self.word()?;
        self.needs(&Token::Comma)?;
        let text = self.text()?;
        self.needs(&Token::Close)?;
        Ok((name, text))
    }

    fn comparison(&mut self, name: &str) -> Result<Filter, Problem> {
        let field = Field::of(name)?;
        let op = Op::of(&self.word()?).ok_or_else(invalid_filter)?;
        match field {
            Field::Subject | Field::ICalUId => Ok(Filter::Text(field, op, self.text()?)),
            // Start and end are compared with texts, the server's own times with instants.
            Field::Start | Field::End => {
                let text = self.text()?;
                Ok(Filter::Time(field, op, times::instant(&text).ok_or_else(invalid_filter)?))
            }
            _ => {
                let word = self.word()?;
                Ok(Filter::Time(field, op, times::instant(&word).ok_or_else(invalid_filter)?))
            }
        }
    }

    /// `any(ep:ep/id eq '…' and ep/value eq '…')`
    fn property(&mut self) -> Result<Filter, Problem> {
        self.needs(&Token::Open)?;
        let word = self.word()?;
        let (name, rest) = word.split_once(':').ok_or_else(invalid_filter)?;
        if !rest.is_empty() {
            self.tokens.push(Token::Word(rest.to_owned()));
        }
        let (of_id, of_value) = (format!("{name}/id"), format!("{name}/value"));
        let (mut id, mut value) = (None, None);
        loop {
            let word = self.word()?;
            if word == of_id {
                self.needs(&Token::Word("eq".into()))?;
                let text = self.text()?;
                id = Some(properties::canonical(&text).ok_or_else(bad_property)?);
            } else if word == of_value {
                let op = Op::of(&self.word()?)
                    .filter(|op| matches!(op, Op::Eq | Op::Ne))
                    .ok_or_else(invalid_filter)?;
                value = Some((op, self.text()?));
            } else {
                let op = function(&word)?;
                let (name, text) = self.arguments()?;
                if name != of_value {
                    return Err(invalid_filter());
                }
                value = Some((op, text));
            }
            if !self.takes(&Token::Word("and".into())) {
                break;
            }
        }
        self.needs(&Token::Close)?;
        Ok(Filter::Property(id.ok_or_else(invalid_filter)?, value))
    }
}

fn function(word: &str) -> Result<Op, Problem> {
    match word {
        "startswith" => Ok(Op::StartsWith),
        "contains" => Ok(Op::Contains),
        _ => Err(invalid_filter()),
    }
}

fn invalid_filter() -> Problem {
    Problem::bad("ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
}

fn bad_property() -> Problem {
    Problem::bad("ErrorInvalidProperty", "The id of an extended property is invalid.")
}

fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            ',' => tokens.push(Token::Comma),
            '\'' => {
                let mut literal = String::new();
                loop {
                    match chars.next() {
                        // A quote inside a text is doubled.
                        Some('\'') if chars.next_if_eq(&'\'').is_some() => literal.push('\''),
                        Some('\'') => break,
                        Some(c) => literal.push(c),
                        None => return Err(invalid_filter()),
                    }
                }
                tokens.push(Token::Text(literal));
            }
            c => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"(),'".contains(*c)) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "String {6f1c2a90-2d4b-4c7e-9b15-0d3a7e5f8c21} Name calsyncKey";

    #[test]
    fn white_space_and_quotes_follow_odata() {
        let expected = Filter::Property(ID.into(), Some((Op::Eq, "it's".into())));
        for text in [
            format!("singleValueExtendedProperties/any(ep:ep/id eq '{ID}' and ep/value eq 'it''s')"),
            format!("singleValueExtendedProperties/any( x: x/value eq 'it''s'  and x/id eq '{ID}' )"),
            format!("(singleValueExtendedProperties/any(ep: ep/id eq '{ID}' and ep/value eq 'it''s'))"),
        ] {
            assert_eq!(Filter::parse(&text).unwrap(), expected, "{text}");
        }
        let both = Filter::parse(
            "createdDateTime ge 2026-11-22T10:00:00Z and not subject eq 'x' or startswith(subject,'y')",
        );
        assert!(
            matches!(both.unwrap(), Filter::Or(any) if matches!(&any[0], Filter::And(all) if all.len() == 2))
        );
        assert_eq!(property_ids(&format!("id eq '{ID}' or id eq '{ID}'")).unwrap().len(), 2);
    }

    #[test]
    fn an_unsupported_filter_is_refused() {
        for bad in [
            "",
            "subject",
            "subject eq",
            "subject eq 'x",
            "subject eq 'x' and",
            "subject eq 'x')",
            "subject is 'x'",
            "subject eq x",
            "summary eq 'x'",
            "transactionId eq 'x'",
            "showAs eq 'busy'",
            "createdDateTime ge 'soon'",
            "createdDateTime ge soon",
            "start/dateTime ge 2026-11-22T10:00:00Z",
            "start/timeZone eq 'UTC'",
            "singleValueExtendedProperties/any(ep:ep/value eq 'x')",
            "singleValueExtendedProperties/any(ep:ep/id eq 'x')",
            "singleValueExtendedProperties/any(ep:other/id eq 'x')",
            "singleValueExtendedProperties/any()",
            "endswith(subject,'x')",
        ] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
    }
}
