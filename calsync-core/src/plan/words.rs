//! A plan in words, with nobody's data in it.

use std::fmt;

use crate::plan::{Action, Note, Plan, Step};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "appointment {}: ", self.appointment)?;
        if self.steps.is_empty() {
            f.write_str("nothing to do")?;
        } else {
            write!(f, "{} to do", self.steps.len())?;
        }
        if self.unchanged > 0 {
            write!(f, ", {} as it should be", self.unchanged)?;
        }
        for step in &self.steps {
            write!(f, "\n  {step}")?;
        }
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.action {
            Action::Create { .. } => "create",
            Action::Update { .. } => "update",
            Action::Delete { .. } => "delete",
            Action::Look { content: Some(_), .. } => "look, then write",
            Action::Look { content: None, .. } => "look, then delete",
        })?;
        write!(f, " for {} in {}", self.role, self.place)?;
        if self.generation > 0 {
            write!(f, ", generation {}", self.generation)?;
        }
        if self.adopts.is_some() {
            f.write_str(", taken over from older code")?;
        }
        if self.moves.is_some() {
            f.write_str(", connected anew")?;
        }
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftOut { role, person: Some(person), reason } => {
                write!(f, "nothing for {role} {person}: {reason}")
            }
            Self::LeftOut { role, person: None, reason } => write!(f, "nothing for {role}: {reason}"),
            Self::NoProvider { role, place } => {
                write!(f, "nothing for {role} in {place}: no provider registered")
            }
            Self::Held { role, place, hold } => write!(f, "waiting for {role} in {place}: {hold}"),
            Self::OtherAccount { role, place } => {
                write!(
                    f,
                    "refused for {role} in {place}: it is connected to another account than the one of its event"
                )
            }
            Self::Kept { role, place } => {
                write!(f, "the event for {role} in {place} stays until the new one can be made")
            }
            Self::LeftBehind { role, place } => {
                write!(
                    f,
                    "the event for {role} in {place} stays behind: it is connected to another account now"
                )
            }
            Self::Left { role, place } => {
                write!(f, "the event for {role} in {place} is left there: the calendar is disconnected")
            }
            Self::OutOfDate { role, place } => {
                write!(f, "nothing any more for {role} in {place}: the ledger has moved on")
            }
            Self::NobodysEvent { provider } => {
                write!(f, "an event of older code in {provider} belongs to nobody here; left as it is")
            }
        }
    }
}
