//! Authentication and authorization of API calls: the caller, its scopes, and its role in a
//! calendar.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::reply::Problem;
use super::request::Incoming;
use super::route::{ApiMethod, Route};
use super::state::State;

/// A user's role in a calendar (`accessRole` of an entry in the calendar list). Ordered from the
/// weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AccessRole {
    /// May see only when the calendar is busy.
    FreeBusyReader,
    /// May read events.
    Reader,
    /// May read and write events.
    Writer,
    /// May read and write events, and change or delete the calendar.
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

/// The user and the OAuth client that an access token belongs to.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) user: String,
    pub(super) client: String,
    /// Granted scopes, without [`SCOPE_BASE`].
    pub(super) scopes: BTreeSet<String>,
}

/// A calendar that the caller may use for the request.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) id: String,
    /// Whether the caller may see only the times of events.
    pub(super) only_times: bool,
}

/// Common prefix of Google's scopes.
pub(super) const SCOPE_BASE: &str = "https://www.googleapis.com/auth/";

impl State {
    /// Finds the caller by the bearer token. Fails with 401 if the token is missing, unknown or
    /// expired.
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

    /// Fails with 403 if none of the caller's scopes allows the method.
    pub(super) fn check_scopes(&self, caller: &Caller, method: ApiMethod) -> Result<(), Problem> {
        let scopes = method.scopes();
        if scopes.iter().any(|scope| caller.scopes.contains(*scope)) {
            return Ok(());
        }
        let all: Vec<String> = scopes.iter().map(|scope| format!("{SCOPE_BASE}{scope}")).collect();
        Err(Problem::scope(&all.join(" ")))
    }

    /// Returns the calendar in the request's path, if the caller has at least `role` in it.
    pub(super) fn open(&self, caller: &Caller, route: &Route, role: AccessRole) -> Result<Opened, Problem> {
        let id = route.calendar.as_deref().ok_or_else(Problem::not_found)?;
        self.open_calendar(caller, route.method, id, role)
    }

    /// Returns calendar `id`, if the caller has at least `role` in it. 404 if no scope covers it,
    /// 403 if the role is too weak.
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
        // A calendar that no granted scope covers looks as if it did not exist.
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
