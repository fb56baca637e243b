//! Who may do what.

use std::collections::BTreeSet;

use http::StatusCode;

use super::reply::Problem;
use super::request::Asked;
use super::route::{ApiMethod, CalendarRef, Whose};
use super::state::State;

/// The user of tokens that have none.
pub(super) const NOBODY: &str = "";

/// Who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Nobody where the application calls on its own.
    pub(super) user: Option<String>,
    pub(super) client: String,
    pub(super) scopes: BTreeSet<String>,
}

impl State {
    /// Who calls, by the bearer token.
    pub(super) fn caller(&self, asked: &Asked) -> Result<Caller, Problem> {
        let now = self.now();
        let Some(token) = asked.incoming.bearer() else {
            return Err(Problem::unauthorized("Access token is empty."));
        };
        let Some(granted) = self.grants.access(token, now) else {
            return Err(Problem::unauthorized(if self.grants.granted(token).is_some() {
                "Lifetime validation failed, the token is expired."
            } else {
                "Access token has expired or is not yet valid."
            }));
        };
        let user = Some(granted.user.clone()).filter(|user| user != NOBODY);
        Ok(Caller { user, client: granted.client.clone(), scopes: granted.scopes.clone() })
    }

    /// Whether any scope opens the method.
    pub(super) fn check_scopes(&self, caller: &Caller, method: ApiMethod) -> Result<(), Problem> {
        let has = |scope: &&&str| caller.scopes.contains(**scope);
        if method.scopes().iter().any(|scope| has(&scope)) { Ok(()) } else { Err(Problem::denied()) }
    }

    /// The address that a path's user has, by address or by id.
    pub(super) fn email_of(&self, user: &str) -> Option<&str> {
        let found = self.mailboxes.values().find(|mailbox| {
            mailbox.email.eq_ignore_ascii_case(user) || mailbox.id.eq_ignore_ascii_case(user)
        });
        found.map(|mailbox| mailbox.email.as_str())
    }

    /// The mailbox that a request is for, whoever calls: what limits are counted for.
    pub(super) fn addressed(&self, asked: &Asked) -> Option<String> {
        match &asked.route.whose {
            Some(Whose::User(user)) => self.email_of(user).map(str::to_owned),
            _ => self.grants.user_of(&asked.incoming).filter(|user| *user != NOBODY).map(str::to_owned),
        }
    }

    /// The mailbox that a request is for, if the caller may reach it.
    pub(super) fn reached(&self, caller: &Caller, asked: &Asked) -> Result<String, Problem> {
        let email = match (&asked.route.whose, &caller.user) {
            (Some(Whose::User(user)), own) => {
                let email = self.email_of(user).ok_or_else(|| {
                    let message = format!("The requested user '{user}' is invalid.");
                    Problem::new(StatusCode::NOT_FOUND, "ErrorInvalidUser", message)
                })?;
                if own.as_ref().is_some_and(|own| own != email) {
                    return Err(Problem::denied());
                }
                email.to_owned()
            }
            (_, Some(own)) => own.clone(),
            (_, None) => {
                let message = "/me request is only valid with delegated authentication flow.";
                return Err(Problem::bad("RequestError", message));
            }
        };
        Ok(email)
    }

    /// Whether there is a mailbox to open, and programs may.
    pub(super) fn check_mailbox(&self, email: &str) -> Result<(), Problem> {
        let mailbox = self.mailbox(email)?;
        if mailbox.is_barred {
            let message = "Access to OData is disabled.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "ErrorAccessDenied", message));
        }
        if !mailbox.has_mailbox {
            let message = "REST API is not yet supported for this mailbox.";
            return Err(Problem::new(StatusCode::NOT_FOUND, "MailboxNotEnabledForRESTAPI", message));
        }
        Ok(())
    }

    /// The calendar of the request's path; the default one where it names none.
    pub(super) fn calendar_of(&self, email: &str, place: &CalendarRef) -> Result<u64, Problem> {
        let mailbox = self.mailbox(email)?;
        let number = match place {
            CalendarRef::Mailbox | CalendarRef::Default => mailbox.default_calendar(),
            CalendarRef::Id(id) => {
                check_id(id)?;
                // `primary` is the tests' name for it, not Graph's.
                mailbox.calendar_number(id).filter(|_| id != "primary")
            }
        };
        number.ok_or_else(Problem::not_found)
    }

    /// The event of the request's path.
    pub(super) fn event_of(&self, email: &str, asked: &Asked) -> Result<u64, Problem> {
        // Through the default calendar's path, or a calendar's own, an id means the same: it is the mailbox's.
        let calendar = self.calendar_of(email, &asked.route.place)?;
        let id = asked.route.id.as_deref().unwrap_or_default();
        check_id(id)?;
        let mailbox = self.mailbox(email)?;
        let number = mailbox.event_number(id).ok_or_else(Problem::not_found)?;
        let is_there = mailbox.events.get(&number).is_some_and(|event| event.calendar == calendar);
        let anywhere = self.settings.ids_are_mailbox_wide || asked.route.place == CalendarRef::Mailbox;
        if is_there || anywhere { Ok(number) } else { Err(Problem::not_found()) }
    }
}

fn check_id(id: &str) -> Result<(), Problem> {
    if super::ids::is_well_formed(id) { Ok(()) } else { Err(Problem::malformed_id()) }
}
