//! The texts of each role's event, exactly as in the guide.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use std::sync::Arc;

use calsync_core::audience::Audience;
use calsync_core::calendar::Role;
use calsync_core::event::{
    CustomerView, DefaultWording, Event, Reminders, Text, TextLimits, TitleStyle, Visibility, Wording,
};
use calsync_core::model::Stated;
use calsync_core::names::ProviderKind;
use calsync_core::plan::Planner;
use calsync_core::provider::Capabilities;
use common::{Company, planner};
use insta::assert_snapshot;

fn text(event: &Event) -> String {
    format!("{}\n{}\n@ {}", event.title, event.description, event.location)
}

fn text_for(company: &Company, role: Role) -> String {
    text(&company.event_by(&planner(), role))
}

fn descriptive() -> Planner {
    planner().with_wording(Arc::new(DefaultWording::new().with_titles(TitleStyle::Descriptive)))
}

#[test]
fn the_customer_gets_the_guides_text() {
    assert_snapshot!(text_for(&Company::new(), Role::Customer), @r"
    Service: Deep clean
    Order: A-1001
    Staff: Ben Okri
    Phone: 0113 496 0003
    Notes: Key under the mat
    @ 1 High St, Leeds, LS1 1AA
    ");
}

#[test]
fn the_staff_member_gets_the_guides_text() {
    assert_snapshot!(text_for(&Company::new(), Role::Staff), @r"
    Deep clean at Cara Lind's
    Customer: Cara Lind
    Email: cara@example.org
    Phone: 0113 496 0007
    Order: A-1001
    Special Instructions: Key under the mat
    Address: 1 High St, Leeds, LS1 1AA
    @ 1 High St, Leeds, LS1 1AA
    ");
}

#[test]
fn the_manager_and_the_admin_get_the_guides_text_for_managers() {
    assert_snapshot!(text_for(&Company::new(), Role::Manager), @r"
    Ben Okri - Deep clean
    Staff: Ben Okri (0113 496 0003)
    Customer: Cara Lind
    Email: cara@example.org
    Phone: 0113 496 0007
    Order: A-1001
    Service: Deep clean
    Address: 1 High St, Leeds, LS1 1AA
    Notes: Key under the mat
    @ 1 High St, Leeds, LS1 1AA
    ");
    assert_eq!(text_for(&Company::new(), Role::Admin), text_for(&Company::new(), Role::Manager));
}

#[test]
fn the_titles_of_the_guides_step_four_are_an_option_and_change_only_titles() {
    let company = Company::new();
    let titles = Role::ALL.map(|role| {
        let (short, long) = (company.event_by(&planner(), role), company.event_by(&descriptive(), role));
        assert_eq!((short.description, short.location), (long.description, long.location));
        format!("{role}: {}", long.title)
    });
    assert_snapshot!(titles.join("\n"), @r"
    staff: Service: Deep clean at Cara Lind's
    manager: Ben Okri - Deep clean at Cara Lind's
    admin: Ben Okri - Deep clean at Cara Lind's
    customer: Service Appointment: Deep clean with Ben Okri
    ");
}

#[test]
fn a_guests_name_and_contact_data_come_from_the_order() {
    let company = Company::of_guest();
    assert_snapshot!(text_for(&company, Role::Staff), @r"
    Deep clean at Gus Gast's
    Customer: Gus Gast
    Email: gus@example.org
    Phone: 0113 496 0099
    Order: A-1001
    Special Instructions: Key under the mat
    Address: 1 High St, Leeds, LS1 1AA
    @ 1 High St, Leeds, LS1 1AA
    ");
    assert_eq!(text_for(&company, Role::Customer), text_for(&Company::new(), Role::Customer));
}

#[test]
fn data_that_the_customers_record_lacks_come_from_the_order() {
    let mut company = Company::of_guest();
    company.order.customer_id = Some(7.into());
    company.customer.email = Some("  ".into());
    company.customer.phone = None;
    assert_snapshot!(text_for(&company, Role::Staff), @r"
    Deep clean at Cara Lind's
    Customer: Cara Lind
    Email: gus@example.org
    Phone: 0113 496 0099
    Order: A-1001
    Special Instructions: Key under the mat
    Address: 1 High St, Leeds, LS1 1AA
    @ 1 High St, Leeds, LS1 1AA
    ");
}

#[test]
fn an_unassigned_appointment_is_shown_as_unassigned() {
    let mut company = Company::new();
    company.appointment.staff_id = Stated::Empty;
    assert_snapshot!(text_for(&company, Role::Customer), @r"
    Service: Deep clean
    Order: A-1001
    Staff: Unassigned
    Phone: N/A
    Notes: Key under the mat
    @ 1 High St, Leeds, LS1 1AA
    ");
    assert_snapshot!(company.event_by(&descriptive(), Role::Admin).title, @"Unassigned - Deep clean at Cara Lind's");
    let title = company.event_by(&descriptive(), Role::Customer).title;
    assert_snapshot!(title, @"Service Appointment: Deep clean with Unassigned");
}

#[test]
fn missing_values_are_shown_as_in_the_guide() {
    let mut company = Company::new();
    company.customer.name = String::new();
    (company.customer.email, company.customer.phone, company.staff.phone) = (None, None, Some(String::new()));
    (company.order.address_line1, company.order.postcode, company.order.notes) = (None, None, None);
    company.order.city = Some(" ".into());
    assert_snapshot!(text_for(&company, Role::Customer), @r"
    Service: Deep clean
    Order: A-1001
    Staff: Ben Okri
    Phone: N/A
    Notes: None
    @ 
    ");
    assert_snapshot!(text_for(&company, Role::Staff), @r"
    Deep clean at Guest's
    Customer: Guest
    Email: None
    Phone: N/A
    Order: A-1001
    Special Instructions: None
    Address: N/A
    @ 
    ");
    assert_snapshot!(text_for(&company, Role::Manager), @r"
    Ben Okri - Deep clean
    Staff: Ben Okri (N/A)
    Customer: Guest
    Email: None
    Phone: N/A
    Order: A-1001
    Service: Deep clean
    Address: N/A
    Notes: None
    @ 
    ");
}

#[test]
fn an_address_with_a_missing_part_has_no_gap() {
    let mut company = Company::new();
    company.order.city = None;
    assert_eq!(&*company.event_by(&planner(), Role::Staff).location, "1 High St, LS1 1AA");
}

#[test]
fn no_name_can_forge_a_line() {
    let mut company = Company::new();
    company.customer.name = "Cara\nPhone: 666".into();
    company.customer.email = Some("cara@example.org\r\nPhone: 666".into());
    company.staff.name = "Ben\u{2028}Phone: 666".into();
    company.staff.phone = Some("1\u{85}Phone: 666".into());
    company.service.name = "Deep\u{b}Phone: 666".into();
    company.order.order_number = "A\rPhone: 666".into();
    company.order.city = Some("Leeds\n\nPhone: 666".into());
    for role in Role::ALL {
        for wording in [planner(), descriptive()] {
            let event = company.event_by(&wording, role);
            let forged = event.description.lines().filter(|line| line.starts_with("Phone: 666")).count();
            assert_eq!(forged, 0, "{role}: {}", event.description);
            assert!(!event.title.contains('\n') && !event.location.contains('\n'), "{role}: {event:?}");
        }
    }
}

#[test]
fn notes_keep_their_lines_and_lose_control_characters() {
    let mut company = Company::new();
    company.order.notes = Some("\r\n\"Mind\u{0} the cat\",\r\n; it\u{1b}[31m bites \u{7f}\n".into());
    let description = company.event_by(&planner(), Role::Customer).description;
    assert!(description.ends_with("Notes: \"Mind the cat\",\n  ; it[31m bites"), "{description:?}");
}

#[test]
fn notes_cannot_forge_a_line_in_any_view() {
    let mut company = Company::new();
    let forged =
        "x\nAddress: 66 Evil Street\u{2028}Phone: 0900\u{b}Phone: 1\u{c}Phone: 2\u{85}Phone: 3\r\rEmail: e@x";
    company.order.notes = Some(forged.into());
    assert_snapshot!(text_for(&company, Role::Staff), @r"
    Deep clean at Cara Lind's
    Customer: Cara Lind
    Email: cara@example.org
    Phone: 0113 496 0007
    Order: A-1001
    Special Instructions: x
      Address: 66 Evil Street
      Phone: 0900
      Phone: 1
      Phone: 2
      Phone: 3

      Email: e@x
    Address: 1 High St, Leeds, LS1 1AA
    @ 1 High St, Leeds, LS1 1AA
    ");
    for role in Role::ALL {
        let description = company.event_by(&planner(), role).description;
        for label in ["Address:", "Phone:", "Email:"] {
            let labelled = description.lines().filter(|line| line.starts_with(label)).count();
            assert!(labelled <= 1, "{role}: {label} {labelled} times: {description}");
        }
    }
}

#[test]
fn characters_that_reverse_or_hide_text_are_removed() {
    let mut company = Company::new();
    company.service.name = "\u{202e}gnp.exe\u{200b}".into();
    company.order.city = Some("\u{2066}Leeds\u{2069}\u{feff}".into());
    company.order.notes = Some("pay\u{200b}pal \u{202e}moc".into());
    for role in Role::ALL {
        let event = company.event_by(&planner(), role);
        assert!(event.title.contains("gnp.exe") && &*event.location == "1 High St, Leeds, LS1 1AA");
        assert!(event.description.contains("paypal moc"));
        let whole = text(&event);
        assert!(!whole.chars().any(calsync_core::event::is_invisible), "{whole:?}");
    }
}

#[test]
fn a_host_can_make_the_events_of_one_role_private_and_the_others_do_not_change() {
    let (company, private) =
        (Company::new(), DefaultWording::new().with_visibility(Role::Staff, Visibility::Private));
    let private = planner().with_wording(Arc::new(private));
    for role in Role::ALL {
        let (now, before) = (company.event_by(&private, role), company.event_by(&planner(), role));
        if role == Role::Staff {
            assert_eq!((now.visibility, before.visibility), (Visibility::Private, Visibility::Default));
            assert_ne!(now.fingerprint(), before.fingerprint(), "existing events are written again");
        } else {
            assert_eq!(now, before, "nothing is written again");
        }
    }
    // The manager and the admin get the same text, but one may be private and the other not.
    let private = DefaultWording::new().with_visibility(Role::Admin, Visibility::Private);
    let private = planner().with_wording(Arc::new(private));
    assert_eq!(company.event_by(&private, Role::Manager).visibility, Visibility::Default);
    assert_eq!(company.event_by(&private, Role::Admin).visibility, Visibility::Private);
}

#[test]
fn a_megabyte_of_notes_is_cut_to_the_providers_limit_and_marked() {
    let mut company = Company::new();
    company.order.notes = Some("Füße abtreten! ".repeat(70_000));
    let of_default = company.event_by(&planner(), Role::Customer).description;
    assert_eq!(of_default.chars().count(), 8_192);
    assert!(of_default.starts_with("Order: A-1001\nStaff: Ben Okri") && of_default.ends_with('…'));

    let limits = TextLimits::default().with_description(60).with_title(12).with_location(9);
    let small = planner().with_provider(ProviderKind::GOOGLE, Capabilities::new().with_text(limits));
    assert_snapshot!(text(&company.event_by(&small, Role::Customer)), @r"
    Service: De…
    Order: A-1001
    Staff: Ben Okri
    Phone: 0113 496 0003
    Notes: F…
    @ 1 High S…
    ");
}

#[test]
fn a_host_can_replace_the_text_of_one_role_and_the_others_keep_the_guides() {
    #[derive(Debug)]
    struct German;
    impl Wording for German {
        fn customer(&self, view: &CustomerView<'_>) -> Text {
            let title = format!("Termin: {}", view.service);
            Text { title, description: format!("Mit {}", view.staff_name.unwrap_or("niemand")) }
        }
        fn reminders(&self, role: Role) -> Reminders {
            if role == Role::Customer { Reminders::Before(vec![60]) } else { Reminders::CalendarDefault }
        }
    }
    let (company, german) = (Company::new(), planner().with_wording(Arc::new(German)));
    let customers = company.event_by(&german, Role::Customer);
    assert_snapshot!(text(&customers), @r"
    Termin: Deep clean
    Mit Ben Okri
    @ 1 High St, Leeds, LS1 1AA
    ");
    assert_eq!(customers.reminders, Reminders::Before(vec![60]));
    for role in [Role::Staff, Role::Manager, Role::Admin] {
        assert_eq!(company.event_by(&german, role), company.event_by(&planner(), role));
    }
}

#[test]
fn a_preview_has_the_text_of_the_written_event() {
    let company = Company::new();
    let directory = company.directory();
    let audience = Audience::of(&company.order, &company.appointment, &directory).unwrap();
    for role in Role::ALL {
        let preview = planner().preview(role, &company.order, &company.appointment, &audience).unwrap();
        assert_eq!(text(&preview), text_for(&company, role));
    }
}
