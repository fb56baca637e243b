//! Scripted faults: rules that decide which request gets which fault.

use ::http::Method;

use super::faults::Fault;
use super::incoming::Incoming;
use crate::error::Operation;

/// A fault and the requests it applies to. Default: the next request. `M` is the type of a fake's
/// methods.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FaultRule<M> {
    fault: Fault,
    method: Option<M>,
    http_method: Option<Method>,
    path: Option<String>,
    calendar: Option<String>,
    user: Option<String>,
    operation: Option<Operation>,
    skip: usize,
    every: usize,
    times: Option<usize>,
    seen: usize,
}

/// The script: the rules, in the order they were added.
#[derive(Debug)]
pub struct Faults<M>(Vec<FaultRule<M>>);

/// What a rule is matched with: a request, and what the fake has read from it.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext<'a, M> {
    /// The API's method, by the fake's own names.
    pub method: M,
    /// The received request.
    pub incoming: &'a Incoming,
    /// The id of the calendar in its path.
    pub calendar: Option<&'a str>,
    /// The user whose token it carries.
    pub user: Option<&'a str>,
}

impl<M> FaultRule<M> {
    /// A rule that applies that fault once, to the next request.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            method: None,
            http_method: None,
            path: None,
            calendar: None,
            user: None,
            operation: None,
            skip: 0,
            every: 1,
            times: Some(1),
            seen: 0,
        }
    }

    /// Only calls of this method of the API.
    #[must_use]
    pub fn with_method(mut self, method: M) -> Self {
        self.method = Some(method);
        self
    }

    /// Only requests with this HTTP method.
    #[must_use]
    pub fn with_http_method(mut self, method: Method) -> Self {
        self.http_method = Some(method);
        self
    }

    /// Only requests whose path, as it was sent, contains this text.
    #[must_use]
    pub fn with_path(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// Only requests for this calendar, by the id in the path.
    #[must_use]
    pub fn with_calendar(mut self, id: impl Into<String>) -> Self {
        self.calendar = Some(id.into());
        self
    }

    /// Only requests with this user's token.
    #[must_use]
    pub fn with_user(mut self, email: impl Into<String>) -> Self {
        self.user = Some(email.into());
        self
    }

    /// Only requests that belong to this operation, by their [`Call`](crate::http::Call).
    #[must_use]
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Skips the first `count` matching requests.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Applies the fault to that many matching requests. Default: 1.
    #[must_use]
    pub fn with_times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Applies the fault to all matching requests, until the fake's `clear_faults` is called.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Applies the fault to every `nth` matching request, until the fake's `clear_faults` is
    /// called. 0 counts as 1.
    #[must_use]
    pub fn with_every(mut self, nth: usize) -> Self {
        self.every = nth.max(1);
        self.always()
    }
}

impl<M: PartialEq> FaultRule<M> {
    fn matches(&self, occasion: &RequestContext<'_, M>) -> bool {
        let incoming = occasion.incoming;
        let operation = incoming.call.as_ref().map(|call| call.operation);
        self.method.as_ref().is_none_or(|method| *method == occasion.method)
            && self.http_method.as_ref().is_none_or(|method| *method == incoming.http_method)
            && self.path.as_ref().is_none_or(|part| incoming.path.contains(part.as_str()))
            && self.calendar.as_ref().is_none_or(|id| occasion.calendar == Some(id.as_str()))
            && self.user.as_ref().is_none_or(|email| occasion.user == Some(email.as_str()))
            && self.operation.is_none_or(|expected| operation == Some(expected))
    }
}

impl<M> From<Fault> for FaultRule<M> {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

impl<M> Default for Faults<M> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<M> Faults<M> {
    /// Adds a rule after the existing ones.
    pub fn push(&mut self, rule: impl Into<FaultRule<M>>) {
        self.0.push(rule.into());
    }

    /// Removes all rules: no fault applies any more.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The number of rules that can still apply.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<M: PartialEq> Faults<M> {
    /// Returns the fault of this request: that of the first rule that applies. The matching rules
    /// before it count the request; later rules do not.
    pub fn strike(&mut self, occasion: &RequestContext<'_, M>) -> Option<Fault> {
        let mut struck = None;
        for rule in self.0.iter_mut().filter(|rule| rule.matches(occasion)) {
            rule.seen += 1;
            let number = rule.seen.saturating_sub(rule.skip);
            if number > 0 && number % rule.every == 0 {
                rule.times = rule.times.map(|times| times.saturating_sub(1));
                struck = Some(rule.fault.clone());
                break;
            }
        }
        self.0.retain(|rule| rule.times != Some(0));
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    /// For each of `count` requests the HTTP status of its fault; 0 for none.
    fn strikes(faults: &mut Faults<&str>, method: &'static str, count: usize) -> Vec<u16> {
        let incoming = Incoming::of(&Request::default());
        let occasion = RequestContext { method, incoming: &incoming, calendar: Some("work"), user: None };
        let fault = |fault: Option<Fault>| match fault {
            Some(Fault::Answer(response)) => response.status().as_u16(),
            _ => 0,
        };
        (0..count).map(|_| fault(faults.strike(&occasion))).collect()
    }

    fn rule(status: u16) -> FaultRule<&'static str> {
        FaultRule::new(Fault::status(status.try_into().unwrap()))
    }

    #[test]
    fn a_rule_counts_matching_requests_and_is_removed_when_used_up() {
        for (rule, expected, is_left) in [
            (rule(500), [500, 0, 0, 0, 0, 0], false),
            (rule(500).with_times(2).after(1), [0, 500, 500, 0, 0, 0], false),
            (rule(500).always(), [500; 6], true),
            (rule(500).with_every(2).after(1), [0, 0, 500, 0, 500, 0], true),
            (rule(500).with_every(0), [500; 6], true),
            (rule(500).with_method("other"), [0; 6], true),
            (rule(500).with_calendar("work"), [500, 0, 0, 0, 0, 0], false),
            (rule(500).with_calendar("home"), [0; 6], true),
            (rule(500).with_user("anna@example.org"), [0; 6], true),
        ] {
            let mut faults = Faults::default();
            faults.push(rule.clone());
            assert_eq!(strikes(&mut faults, "get", 6), expected, "{rule:?}");
            assert_eq!(!faults.is_empty(), is_left, "{rule:?}");
        }
    }

    #[test]
    fn only_the_first_rule_that_applies_is_used() {
        let mut faults = Faults::default();
        faults.push(rule(500).after(1));
        faults.push(rule(503).with_times(2));
        faults.push(rule(404).with_method("other"));
        assert_eq!(strikes(&mut faults, "get", 4), [503, 500, 503, 0]);
        assert_eq!((faults.len(), strikes(&mut faults, "other", 2)), (1, vec![404, 0]));
    }
}
