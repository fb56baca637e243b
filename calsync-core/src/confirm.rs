//! Makes the appointments of an order.
//!
//! A confirmed order gets one appointment for each item that has none. Confirming can be repeated:
//! an item is linked to its appointment, and the default id of an appointment is computed from the
//! order and the item. So two confirmations at the same time make the same appointment, and the
//! host's primary key rejects the second one.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use crate::error::{InputError, Problem};
use crate::id::{AppointmentId, Id, OrderItemId};
use crate::model::{
    Appointment, AppointmentStatus, AppointmentType, Directory, Order, OrderItem, OrderStatus,
};
use crate::time::{self, Zone};

/// The UUID namespace of appointment ids: version 5 of `calsync:appointment:1` under the URL
/// namespace.
pub const APPOINTMENT_NAMESPACE: Uuid = Uuid::from_u128(0xf68c3d6027a559d19f5892ec59db886d);

/// What a change of an order's status means for its appointments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transition {
    /// The order was confirmed by this change.
    Confirmed,
    /// The order was cancelled by this change.
    Cancelled,
    /// The order was neither confirmed nor cancelled by this change.
    None,
}

impl Transition {
    /// Compares two statuses, for hosts with change signals. `before` is `None` for a new order.
    ///
    /// ```
    /// use calsync_core::confirm::Transition;
    /// use calsync_core::model::OrderStatus::{Cancelled, Confirmed, Pending};
    /// assert_eq!(Transition::between(Some(&Pending), &Confirmed), Transition::Confirmed);
    /// assert_eq!(Transition::between(Some(&Confirmed), &Confirmed), Transition::None);
    /// assert_eq!(Transition::between(Some(&Confirmed), &Cancelled), Transition::Cancelled);
    /// ```
    #[must_use]
    pub fn between(before: Option<&OrderStatus>, after: &OrderStatus) -> Self {
        if after.is_confirmed() && !before.is_some_and(OrderStatus::is_confirmed) {
            Self::Confirmed
        } else if after.is_cancelled() && !before.is_some_and(OrderStatus::is_cancelled) {
            Self::Cancelled
        } else {
            Self::None
        }
    }
}

/// The result of [`Order::confirm`].
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
#[non_exhaustive]
pub struct Confirmed {
    /// The new appointments.
    pub made: Vec<Appointment>,
    /// The items that got no appointment, and why. They do not affect the other items.
    pub rejected: Vec<RejectedItem>,
}

/// An item that could not be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedItem {
    /// The id of the item.
    pub item_id: OrderItemId,
    /// The error. It names the record at fault, which may be the order or the service.
    pub error: InputError,
}

impl Order {
    /// Makes an appointment for each item of a confirmed order that has none, and links the item to
    /// it. If the order is not confirmed, it makes none.
    ///
    /// The scheduled date and time (default time: 09:00) are local times in `zone`. For skipped and
    /// doubled hours the rule of RFC 5545 applies. The end is the start plus the service's duration
    /// in elapsed minutes.
    ///
    /// An item is rejected if the order's date is missing, its service or staff member is not in
    /// the directory, the service's duration is not positive, a time is outside [`time::YEARS`], or
    /// an earlier item has the same id. The other items still get their appointments.
    pub fn confirm(&mut self, directory: &Directory, zone: &Zone) -> Confirmed {
        self.confirm_with(directory, zone, default_id)
    }

    /// Does the same as [`Order::confirm`], with ids from the host. `id` must always return the
    /// same id for the same item.
    pub fn confirm_with(
        &mut self,
        directory: &Directory,
        zone: &Zone,
        id: impl Fn(&Order, &OrderItem) -> AppointmentId,
    ) -> Confirmed {
        let mut confirmed = Confirmed::default();
        if !self.status.is_confirmed() {
            return confirmed;
        }
        let start = self.start(zone);
        let mut ids = HashSet::new();
        for item in self.items() {
            let result = if !ids.insert(&item.id) {
                Err(InputError::new("order item", &item.id, "id", Problem::Twice))
            } else if item.appointment_id.is_some() {
                continue;
            } else {
                let start = start.clone();
                start.and_then(|start| self.appointment_for(item, id(self, item), directory, zone, start))
            };
            match result {
                Ok(appointment) => confirmed.made.push(appointment),
                Err(error) => confirmed.rejected.push(RejectedItem { item_id: item.id.clone(), error }),
            }
        }
        self.link(&confirmed.made);
        confirmed
    }

    /// Returns the start of the order's appointments.
    fn start(&self, zone: &Zone) -> Result<DateTime<Utc>, InputError> {
        let bad = |problem: Problem| InputError::new("order", &self.id, "scheduled_date", problem);
        let date = self.scheduled_date.ok_or_else(|| bad(Problem::Missing))?;
        zone.scheduled(date, self.scheduled_time).map_err(|error| bad(Problem::Time(error)))
    }

    fn appointment_for(
        &self,
        item: &OrderItem,
        id: AppointmentId,
        directory: &Directory,
        zone: &Zone,
        start: DateTime<Utc>,
    ) -> Result<Appointment, InputError> {
        let missing = |field, record: String| {
            InputError::new("order item", &item.id, field, Problem::NoSuchRecord(record))
        };
        let service = directory.service(&item.service_id);
        let service = service.ok_or_else(|| missing("service_id", format!("service {}", item.service_id)))?;
        if let Some(id) = item.staff_id.as_ref().filter(|id| directory.staff(id).is_none()) {
            return Err(missing("staff_id", format!("staff {id}")));
        }
        let of_service = |problem: Problem| InputError::new("service", &service.id, "duration", problem);
        if service.duration <= 0 {
            return Err(of_service(Problem::NotPositive));
        }
        let duration =
            Duration::try_minutes(service.duration).ok_or_else(|| of_service(Problem::TooLarge))?;
        let end = start.checked_add_signed(duration).filter(|end| time::check(*end).is_ok());
        let end = end.ok_or_else(|| of_service(Problem::TooLarge))?;

        let mut appointment = Appointment::new(id, item.service_id.clone(), start, end);
        appointment.order_id = Some(self.id.clone());
        appointment.order_item_id = Some(item.id.clone());
        appointment.staff_id = item.staff_id.clone().into();
        appointment.time_zone = Some(zone.clone());
        appointment.appointment_type = AppointmentType::OrderItem;
        Ok(appointment)
    }

    /// Links the order's items to existing appointments, for a host whose item rows do not store
    /// the link.
    pub fn link<'a>(&mut self, appointments: impl IntoIterator<Item = &'a Appointment>) {
        let Some(items) = &mut self.items else { return };
        // An order may have tens of thousands of items, so a linear search for each is too slow.
        let mut by_id: HashMap<OrderItemId, &mut OrderItem> = HashMap::with_capacity(items.len());
        for item in items {
            by_id.entry(item.id.clone()).or_insert(item);
        }
        for appointment in appointments {
            if appointment.order_id.as_ref() != Some(&self.id) {
                continue;
            }
            if let Some(item) = appointment.order_item_id.as_ref().and_then(|id| by_id.get_mut(id)) {
                item.appointment_id = Some(appointment.id.clone());
            }
        }
    }

    /// Cancels one of the order's appointments if the order is cancelled, and confirms it again if
    /// the order is confirmed again. An appointment that was cancelled on its own stays cancelled.
    ///
    /// Returns `true` if the appointment was changed.
    pub fn carry_status(&self, appointment: &mut Appointment) -> bool {
        if appointment.order_id.as_ref() != Some(&self.id) {
            return false;
        }
        if self.status.is_cancelled() && !appointment.status.is_cancelled() {
            appointment.status = AppointmentStatus::Cancelled;
            appointment.cancelled_with_order = true;
            return true;
        }
        if self.status.is_confirmed() && appointment.cancelled_with_order {
            appointment.status = AppointmentStatus::Confirmed;
            appointment.cancelled_with_order = false;
            return true;
        }
        false
    }

    /// Cancels the appointment of an item that was removed from the order, and confirms it again if
    /// the item returns.
    ///
    /// Only changes appointments of an order that is confirmed or in progress and whose items were
    /// loaded. If the `items` column is null or missing, nothing is cancelled; an empty list means
    /// that no item is left. An appointment that is in progress, completed or a no-show is not
    /// cancelled.
    ///
    /// Returns `true` if the appointment was changed.
    pub fn carry_items(&self, appointment: &mut Appointment) -> bool {
        let (Some(items), Some(id)) = (&self.items, &appointment.order_item_id) else { return false };
        let is_live = self.status.is_confirmed() || self.status == OrderStatus::InProgress;
        if appointment.order_id.as_ref() != Some(&self.id) || !is_live {
            return false;
        }
        let is_there = items.iter().any(|item| item.id == *id);
        if is_there && appointment.cancelled_with_item {
            appointment.status = AppointmentStatus::Confirmed;
            appointment.cancelled_with_item = false;
            return true;
        }
        let is_over = matches!(
            appointment.status,
            AppointmentStatus::InProgress | AppointmentStatus::Completed | AppointmentStatus::NoShow
        );
        if is_there || is_over || appointment.status.is_cancelled() {
            return false;
        }
        appointment.status = AppointmentStatus::Cancelled;
        appointment.cancelled_with_item = true;
        true
    }
}

/// The default id of an item's appointment: a UUID version 5 over the ids of the order and the
/// item, each with its length in front.
fn default_id(order: &Order, item: &OrderItem) -> AppointmentId {
    let (order, item) = (order.id.to_string(), item.id.to_string());
    let name = format!("{}:{order}{}:{item}", order.len(), item.len());
    let uuid = Uuid::new_v5(&APPOINTMENT_NAMESPACE, name.as_bytes()).to_string();
    // A UUID is a valid id, so the fallback is never used.
    Id::text(&uuid).unwrap_or_else(|_| Id::number(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Service;

    fn order() -> (Order, Directory) {
        let services =
            [Service::new(5, "Deep clean", 90), Service::new(7, "Windows", 60), Service::new(8, "Odd", 0)];
        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.scheduled_date = "2026-01-20".parse().ok();
        order.items = Some(vec![OrderItem::new(1, 5), OrderItem::new(2, 7)]);
        (order, Directory::new().with_services(services))
    }

    fn london() -> Zone {
        Zone::new("Europe/London").unwrap()
    }

    #[test]
    fn each_item_gets_one_appointment_even_if_the_order_is_confirmed_twice() {
        let (mut order, directory) = order();
        let mut other_worker = order.clone();
        let made = order.confirm(&directory, &london()).made;
        assert_eq!(made.len(), 2);
        assert_eq!(made[0].start_time.to_rfc3339(), "2026-01-20T09:00:00+00:00");
        assert_eq!(made[0].end_time.to_rfc3339(), "2026-01-20T10:30:00+00:00");
        assert_eq!(order.items()[1].appointment_id.as_ref(), Some(&made[1].id));
        assert_eq!(made[1].order_item_id, Some(2.into()));
        assert_eq!(order.confirm(&directory, &london()).made, []);
        assert_eq!(other_worker.confirm(&directory, &london()).made, made, "two at once name the same two");
    }

    #[test]
    fn the_duration_is_in_elapsed_minutes_across_a_clock_change() {
        let (mut order, directory) = order();
        order.scheduled_date = "2026-10-25".parse().ok();
        order.scheduled_time = "00:30".parse().ok();
        let made = order.confirm(&directory, &london()).made;
        // 00:30 summer time plus 90 minutes is 01:00 winter time.
        assert_eq!(made[0].start_time.to_rfc3339(), "2026-10-24T23:30:00+00:00");
        assert_eq!(made[0].end_time.to_rfc3339(), "2026-10-25T01:00:00+00:00");
    }

    #[test]
    fn an_order_that_is_not_confirmed_gets_no_appointments() {
        let (mut order, directory) = order();
        for status in ["pending", "cancelled", "draft"] {
            order.status = status.into();
            assert_eq!(order.confirm(&directory, &london()).made, []);
        }
    }

    #[test]
    fn an_item_that_cannot_be_confirmed_is_named_and_the_others_get_appointments() {
        type Spoil = fn(&mut Order, &mut Vec<OrderItem>);
        // The error, the spoiled data, the rejected items, and the items with an appointment.
        let cases: [(&str, Spoil, &[i64], &[i64]); 7] = [
            ("order 1: scheduled_date: is missing", |order, _| order.scheduled_date = None, &[1, 2], &[]),
            (
                "service 8: duration: must be more than zero",
                |_, items| items.push(OrderItem::new(3, 8)),
                &[3],
                &[1, 2],
            ),
            (
                "order item 3: service_id: there is no service 99",
                |_, items| items.insert(0, OrderItem::new(3, 99)),
                &[3],
                &[1, 2],
            ),
            ("order item 1: id: is used twice", |_, items| items.push(OrderItem::new(1, 7)), &[1], &[1, 2]),
            (
                "order item 1: staff_id: there is no staff 99",
                |_, items| items[0].staff_id = Some(99.into()),
                &[1],
                &[2],
            ),
            (
                "order 1: scheduled_date: the year 3000 is outside 1900 to 2999",
                |order, _| order.scheduled_date = "3000-01-01".parse().ok(),
                &[1, 2],
                &[],
            ),
            (
                "service 5: duration: is too large",
                |order, _| {
                    order.scheduled_date = "2999-12-31".parse().ok();
                    order.scheduled_time = "23:00".parse().ok();
                },
                &[1],
                &[],
            ),
        ];
        let ids = |ids: &[i64]| -> Vec<OrderItemId> { ids.iter().map(|id| (*id).into()).collect() };
        for (message, spoil, rejected, made) in cases {
            let (mut order, directory) = order();
            let mut items = order.items.take().unwrap();
            spoil(&mut order, &mut items);
            order.items = Some(items);
            let confirmed = order.confirm(&directory, &london());
            assert_eq!(confirmed.rejected[0].error.to_string(), message);
            let of_rejected: Vec<_> = confirmed.rejected.iter().map(|it| it.item_id.clone()).collect();
            assert!(of_rejected.starts_with(&ids(rejected)), "{message}: {of_rejected:?}");
            let of_made: Vec<_> = confirmed.made.iter().filter_map(|it| it.order_item_id.clone()).collect();
            assert_eq!(of_made, ids(made), "{message}");
            let linked = order.items().iter().filter(|item| item.appointment_id.is_some()).count();
            assert_eq!(linked, made.len(), "{message}: what was made is linked, nothing else is");
        }
    }

    #[test]
    fn an_order_of_forty_thousand_items_is_confirmed_and_linked() {
        let (mut order, directory) = order();
        order.items = Some((0..40_000).map(|id| OrderItem::new(id, 5)).collect());
        let made = order.confirm(&directory, &london()).made;
        let ids: Vec<_> = order.items().iter().map(|item| item.appointment_id.clone()).collect();
        assert!(ids.iter().all(Option::is_some));
        for item in order.items.iter_mut().flatten() {
            item.appointment_id = None;
        }
        order.link(&made);
        let linked: Vec<_> = order.items().iter().map(|item| item.appointment_id.clone()).collect();
        assert_eq!(linked, ids, "each item has its own appointment again");
    }

    #[test]
    fn removing_an_item_cancels_its_appointment_and_adding_it_again_confirms_it() {
        let (mut order, directory) = order();
        let mut made = order.confirm(&directory, &london()).made;
        assert!(!made.iter_mut().any(|appointment| order.carry_items(appointment)), "both are there");
        let all = order.items.take();
        assert!(!made.iter_mut().any(|appointment| order.carry_items(appointment)), "not loaded is not gone");
        order.items = Some(all.iter().flatten().take(1).cloned().collect());
        let changed: Vec<_> = made.iter_mut().map(|appointment| order.carry_items(appointment)).collect();
        assert_eq!((changed, made[1].status.is_cancelled()), (vec![false, true], true));
        assert!(!order.carry_items(&mut made[1]), "said once");
        assert!(!order.carry_status(&mut made[1]), "the order being confirmed does not bring it back");
        order.items = all;
        assert!(order.carry_items(&mut made[1]) && made[1].status == AppointmentStatus::Confirmed);

        order.items = Some(Vec::new());
        made[0].status = AppointmentStatus::Completed;
        let changed: Vec<_> = made.iter_mut().map(|appointment| order.carry_items(appointment)).collect();
        assert_eq!(changed, [false, true], "an empty list is a list; what is done is done");
    }

    #[test]
    fn a_removed_item_cancels_nothing_of_another_order_or_an_unconfirmed_one() {
        let (mut order, directory) = order();
        let made = order.confirm(&directory, &london()).made;
        order.items = Some(Vec::new());
        for status in ["pending", "completed", "cancelled", "on_hold"] {
            order.status = status.into();
            assert!(!order.carry_items(&mut made[0].clone()), "{status}");
        }
        order.status = OrderStatus::Confirmed;
        let mut of_another = made[0].clone();
        of_another.order_id = Some(2.into());
        assert!(!order.carry_items(&mut of_another));
        let mut of_the_hosts = made[0].clone();
        of_the_hosts.order_item_id = None;
        assert!(!order.carry_items(&mut of_the_hosts));
        assert!(order.carry_items(&mut made[0].clone()));
    }

    #[test]
    fn an_order_cancels_its_appointments_and_confirms_only_those_again() {
        let (mut order, directory) = order();
        let mut made = order.confirm(&directory, &london()).made;
        made[1].status = AppointmentStatus::Cancelled;
        order.status = OrderStatus::Cancelled;
        let changed: Vec<_> = made.iter_mut().map(|appointment| order.carry_status(appointment)).collect();
        assert_eq!(changed, [true, false]);
        order.status = OrderStatus::Confirmed;
        assert!(order.carry_status(&mut made[0]) && !order.carry_status(&mut made[1]));
        assert_eq!(
            (&made[0].status, &made[1].status),
            (&AppointmentStatus::Confirmed, &AppointmentStatus::Cancelled)
        );
    }
}
