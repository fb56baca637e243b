//! Access control: tokens, scopes, mailboxes.

use std::collections::BTreeSet;

use http::StatusCode;

use super::reply::Problem;
use super::request::Received;
use super::route::{ApiMethod, CalendarRef, Whose};
use super::state::State;

/// The user name in tokens that belong to no user.
pub(super) const NO_USER: &str = "";

/// The caller of a request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// `None` if the application calls without a user.
    pub(super) user: Option<String>,
    pub(super) client: String,
    pub(super) scopes: BTreeSet<String>,
}

impl State {
    /// The caller, from the bearer token.
    pub(super) fn caller(&self, received: &Received) -> Result<Caller, Problem> {
        let now = self.now();
        let Some(token) = received.incoming.bearer() else {
            return Err(Problem::unauthorized("Access token is empty."));
        };
        let Some(granted) = self.grants.access(token, now) else {
            return Err(Problem::unauthorized(if self.grants.granted(token).is_some() {
                "Lifetime validation failed, the token is expired."
            } else {
                "Access token has expired or is not yet valid."
            }));
        };
        let user = Some(granted.user.clone()).filter(|user| user != NO_USER);
        Ok(Caller { user, client: granted.client.clone(), scopes: granted.scopes.clone() })
    }

    /// Checks that the caller has a scope for the method.
    pub(super) fn check_scopes(&self, caller: &Caller, method: ApiMethod) -> Result<(), Problem> {
        let has = |scope: &&&str| caller.scopes.contains(**scope);
        if method.scopes().iter().any(|scope| has(&scope)) { Ok(()) } else { Err(Problem::denied()) }
    }

    /// The address of a user, given the address or the id in a path.
    pub(super) fn email_of(&self, user: &str) -> Option<&str> {
        let found = self.mailboxes.values().find(|mailbox| {
            mailbox.email.eq_ignore_ascii_case(user) || mailbox.id.eq_ignore_ascii_case(user)
        });
        found.map(|mailbox| mailbox.email.as_str())
    }

    /// The mailbox whose limits a request counts against, whether or not the caller may access it.
    pub(super) fn counted_mailbox(&self, received: &Received) -> Option<String> {
        match &received.route.whose {
            Some(Whose::User(user)) => self.email_of(user).map(str::to_owned),
            _ => self.grants.user_of(&received.incoming).filter(|user| *user != NO_USER).map(str::to_owned),
        }
    }

    /// The mailbox that a request addresses, if the caller may access it.
    pub(super) fn target_mailbox(&self, caller: &Caller, received: &Received) -> Result<String, Problem> {
        let email = match (&received.route.whose, &caller.user) {
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

    /// Checks that the mailbox exists and is open to programs.
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

    /// The number of the calendar in the request's path; the default calendar if the path names
    /// none.
    pub(super) fn calendar_of(&self, email: &str, place: &CalendarRef) -> Result<u64, Problem> {
        let mailbox = self.mailbox(email)?;
        let number = match place {
            CalendarRef::Mailbox | CalendarRef::Default => mailbox.default_calendar(),
            CalendarRef::Id(id) => {
                check_id(id)?;
                // `primary` is a name for tests. Graph has no such id.
                mailbox.calendar_number(id).filter(|_| id != "primary")
            }
        };
        number.ok_or_else(Problem::not_found)
    }

    /// The number of the event in the request's path.
    pub(super) fn event_of(&self, email: &str, received: &Received) -> Result<u64, Problem> {
        // An id is the mailbox's own, so it works through any calendar's path, unless a setting
        // says otherwise.
        let calendar = self.calendar_of(email, &received.route.place)?;
        let id = received.route.id.as_deref().unwrap_or_default();
        check_id(id)?;
        let mailbox = self.mailbox(email)?;
        let number = mailbox.event_number(id).ok_or_else(Problem::not_found)?;
        let is_in_calendar = mailbox.events.get(&number).is_some_and(|event| event.calendar == calendar);
        let anywhere = self.settings.ids_are_mailbox_wide || received.route.place == CalendarRef::Mailbox;
        if is_in_calendar || anywhere { Ok(number) } else { Err(Problem::not_found()) }
    }
}

fn check_id(id: &str) -> Result<(), Problem> {
    if super::ids::is_well_formed(id) { Ok(()) } else { Err(Problem::malformed_id()) }
}
