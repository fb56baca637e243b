//! Who calls, and what they may.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::reply::Problem;
use super::request::Incoming;
use super::route::{ApiMethod, Route};
use super::state::State;

/// What a user may do in a calendar (`accessRole` of a calendar list's entry), from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AccessRole {
    /// See when it is busy.
    FreeBusyReader,
    /// Read events.
    Reader,
    /// Write events.
    Writer,
    /// All that and the calendar itself.
    Owner,
}

impl AccessRole {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FreeBusyReader => "freeBusyReader",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) user: String,
    pub(super) client: String,
    /// Without their common beginning.
    pub(super) scopes: BTreeSet<String>,
}

/// A calendar that may be used as asked.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) id: String,
    /// Only times may be seen.
    pub(super) only_times: bool,
}

/// The common beginning of Google's scopes.
pub(super) const SCOPE_BASE: &str = "https://www.googleapis.com/auth/";

impl State {
    /// Who calls, by the bearer token.
    pub(super) fn caller(&self, incoming: &Incoming) -> Result<Caller, Problem> {
        let header = incoming.header(http::header::AUTHORIZATION);
        let token = incoming.bearer().ok_or_else(|| Problem::unauthorized(header.is_none()))?;
        let access = self.grants.access(token, self.now()).ok_or_else(|| Problem::unauthorized(false))?;
        let short = |scope: &String| scope.strip_prefix(SCOPE_BASE).unwrap_or(scope).to_owned();
        Ok(Caller {
            user: access.user.clone(),
            client: access.client.clone(),
            scopes: access.scopes.iter().map(short).collect(),
        })
    }

    /// Whether any scope opens the method at all.
    pub(super) fn check_scopes(&self, caller: &Caller, method: ApiMethod) -> Result<(), Problem> {
        let scopes = method.scopes();
        if scopes.iter().any(|scope| caller.scopes.contains(*scope)) {
            return Ok(());
        }
        let all: Vec<String> = scopes.iter().map(|scope| format!("{SCOPE_BASE}{scope}")).collect();
        Err(Problem::scope(&all.join(" ")))
    }

    /// The calendar of the request's path, if the caller may use it with `role`.
    pub(super) fn open(&self, caller: &Caller, route: &Route, role: AccessRole) -> Result<Opened, Problem> {
        let id = route.calendar.as_deref().ok_or_else(Problem::not_found)?;
        self.open_calendar(caller, route.method, id, role)
    }

    /// That calendar, if the caller may use it with `role`.
    pub(super) fn open_calendar(
        &self,
        caller: &Caller,
        method: ApiMethod,
        id: &str,
        role: AccessRole,
    ) -> Result<Opened, Problem> {
        let id = self.calendar_id(&caller.user, id);
        let calendar = self.calendars.get(id).ok_or_else(Problem::not_found)?;
        let has = calendar.access.get(&caller.user).copied().ok_or_else(Problem::not_found)?;
        let reaches = |scope: &str| match scope {
            "calendar.app.created" => calendar.made_by.as_ref() == Some(&caller.client),
            "calendar.events.owned" | "calendar.events.owned.readonly" => has == AccessRole::Owner,
            // No calendar here is public.
            "calendar.events.public.readonly" => false,
            _ => true,
        };
        let granted = method.scopes().iter().filter(|scope| caller.scopes.contains(**scope));
        let reaching: Vec<&&str> = granted.filter(|scope| reaches(scope)).collect();
        // What a scope does not reach is not there for its holder.
        if reaching.is_empty() {
            return Err(Problem::not_found());
        }
        if has < role {
            let message = format!("You need to have {} access to this calendar.", role.name());
            return Err(Problem::forbidden("requiredAccessLevel", message).in_domain("calendar"));
        }
        let only_times = has == AccessRole::FreeBusyReader
            || reaching.iter().all(|scope| **scope == "calendar.events.freebusy");
        Ok(Opened { id: id.to_owned(), only_times })
    }
}
