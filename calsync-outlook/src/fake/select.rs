//! Query options: `$select`, `$expand`, `$orderby`, `$filter`, paging.

use serde_json::{Map, Value};

use super::filter::{self, Field, Filter};
use super::reply::Problem;
use super::request::Received;
use super::settings::Settings;
use super::state::StoredEvent;

/// The options of a query.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) filter: Option<Filter>,
    pub(super) order: Vec<(Field, bool)>,
    pub(super) select: Option<Vec<String>>,
    /// The ids of the extended properties to show.
    pub(super) properties: Vec<String>,
    pub(super) top: Option<usize>,
    pub(super) skip: usize,
    pub(super) count: bool,
    /// How many pages came before this one.
    pub(super) page: usize,
}

/// The query options of an event, of a list of events, and of a list of calendars.
pub(super) const OF_ONE: &[&str] = &["$select", "$expand"];
pub(super) const OF_MANY: &[&str] =
    &["$filter", "$orderby", "$select", "$expand", "$top", "$skip", "$count", "$skiptoken"];
pub(super) const OF_CALENDARS: &[&str] = &["$select", "$top", "$skip", "$count", "$skiptoken"];

impl Query {
    /// Reads a query; other options than these are refused.
    pub(super) fn of(
        received: &Received,
        options: &[&str],
        is_property: fn(&str) -> bool,
        settings: &Settings,
    ) -> Result<Self, Problem> {
        let mut query = Self::default();
        for (name, value) in received.incoming.query.pairs() {
            let option = name.to_ascii_lowercase();
            match option.as_str() {
                known if known.starts_with('$') && !options.contains(&known) => {
                    return Err(Problem::bad(
                        "ErrorInvalidUrlQuery",
                        format!("The query option {name} is not supported here."),
                    ));
                }
                "$filter" => query.filter = Some(Filter::parse(value)?),
                "$orderby" => query.order = order(value)?,
                "$select" => query.select = Some(select(value, is_property)?),
                "$expand" => query.properties = expand(value)?,
                "$top" => query.top = Some(number(name, value).and_then(|top| range(name, top))?),
                "$skip" => query.skip = number(name, value)?,
                "$skiptoken" => query.page = number(name, value)?,
                "$count" => {
                    query.count = match value.as_str() {
                        "true" => true,
                        "false" => false,
                        _ => return Err(invalid(name)),
                    }
                }
                _ => {}
            }
        }
        if let (Some(filter), true) = (&query.filter, settings.filters_before_sorting) {
            let fields = filter.fields();
            let sorted: Vec<Field> = query.order.iter().map(|(field, _)| *field).collect();
            if !fields.starts_with(&sorted) {
                let message = "The restriction or sort order is too complex for this operation.";
                return Err(Problem::bad("InefficientFilter", message));
            }
        }
        Ok(query)
    }

    /// Sorts events. Equal events keep their order.
    pub(super) fn sort(&self, events: &mut [StoredEvent]) {
        for (field, descending) in self.order.iter().rev() {
            events.sort_by(|one, other| {
                let order = field.key(one).cmp(&field.key(other));
                if *descending { order.reverse() } else { order }
            });
        }
    }

    /// Keeps the selected properties, and always the id and the etag.
    pub(super) fn kept(&self, shown: Value) -> Value {
        match (&self.select, shown) {
            (Some(names), Value::Object(all)) => {
                let is_kept = |name: &str| {
                    name.starts_with("@odata.")
                        || name == "id"
                        || names.iter().any(|selected| selected == name || selected == "*")
                        || (name == "singleValueExtendedProperties" && !self.properties.is_empty())
                };
                Value::Object(all.into_iter().filter(|(name, _)| is_kept(name)).collect::<Map<_, _>>())
            }
            (_, shown) => shown,
        }
    }
}

fn order(text: &str) -> Result<Vec<(Field, bool)>, Problem> {
    let one = |part: &str| {
        let mut words = part.split_whitespace();
        let field = Field::of(words.next().unwrap_or_default())?;
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => return Err(invalid("$orderby")),
        };
        Ok((field, descending))
    };
    text.split(',').map(one).collect()
}

fn select(text: &str, is_property: fn(&str) -> bool) -> Result<Vec<String>, Problem> {
    let one = |name: &str| {
        let name = name.trim();
        if name == "*" || is_property(name) {
            return Ok(name.to_owned());
        }
        Err(Problem::url(format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{name}'."
        )))
    };
    text.split(',').map(one).collect()
}

/// `singleValueExtendedProperties($filter=id eq '…')`. Without the filter there is nothing to
/// expand.
fn expand(text: &str) -> Result<Vec<String>, Problem> {
    let inner = text.trim().strip_prefix("singleValueExtendedProperties");
    let inner = inner.and_then(|rest| rest.trim().strip_prefix('(')?.strip_suffix(')'));
    let filter = inner.and_then(|inner| {
        let (name, filter) = inner.split_once('=')?;
        name.trim().eq_ignore_ascii_case("$filter").then_some(filter)
    });
    let message = "Only singleValueExtendedProperties can be expanded, and only with a filter by id.";
    filter::property_ids(filter.ok_or_else(|| Problem::bad("ErrorInvalidUrlQuery", message))?)
}

fn number(name: &str, text: &str) -> Result<usize, Problem> {
    text.parse().map_err(|_| invalid(name))
}

fn range(name: &str, top: usize) -> Result<usize, Problem> {
    if (1..=1000).contains(&top) { Ok(top) } else { Err(invalid(name)) }
}

fn invalid(name: &str) -> Problem {
    Problem::bad("ErrorInvalidUrlQuery", format!("The value of the query option {name} is invalid."))
}
