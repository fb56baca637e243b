"""What the quickstart must have written, worked out from world.json alone, in another language and with none of our code.

    expect.py WORLD OUT EXPECT

The time of the run is read from OUT/report.json. Checks that OUT holds exactly the files that should be there (person, calendar, event key), and writes EXPECT for the judge:
{"key.ics": {"events": [{...}]}}. Checks the events in OUT/fake-google.json and OUT/fake-outlook.json itself. The texts are the
guide's own f-strings.
"""
import datetime as dt, html, json, pathlib, re, sys, uuid
from zoneinfo import ZoneInfo

KEYS = uuid.UUID("a626fb1a-706e-50cf-a216-eda0282c90b7")
APPOINTMENTS = uuid.uuid5(uuid.NAMESPACE_URL, "calsync:appointment:1")


def derived(space, *parts):
    return uuid.uuid5(space, "".join(f"{len(str(p).encode())}:{p}" for p in parts))


def instant(date, time, zone):
    """The first of a doubled hour; a skipped one moves forward, as Python's fold=0 has it."""
    local = dt.datetime.fromisoformat(f"{date}T{time or '09:00'}").replace(tzinfo=ZoneInfo(zone), fold=0)
    return int(local.timestamp())


def texts(role, order, service, staff, customer):
    name = (customer or {}).get("name") or order.get("guest_name") or "Guest"
    email = (customer or {}).get("email") or order.get("guest_email")
    phone = (customer or {}).get("phone") or order.get("guest_phone") or "N/A"
    # The further lines of a note are indented, so that a note cannot pass for a line of ours.
    notes = re.sub(r"\n(?=[^\n])", "\n  ", (order.get("notes") or "").replace("\r\n", "\n").strip()) or None
    address = ", ".join(p for p in (order["address_line1"], order["city"], order["postcode"]) if p)
    staff_name, staff_phone = (staff["name"], staff["phone"] or "N/A") if staff else ("Unassigned", "N/A")
    if role == "customer":
        return f"Service: {service['name']}", f"""
Order: {order['order_number']}
Staff: {staff_name}
Phone: {staff_phone}
Notes: {notes or 'None'}
    """.strip(), address
    if role == "staff":
        return f"{service['name']} at {name}'s", f"""
Customer: {name}
Email: {email}
Phone: {phone}
Order: {order['order_number']}
Special Instructions: {notes or 'None'}
Address: {address}
    """.strip(), address
    return f"{staff_name} - {service['name']}", f"""
Staff: {staff_name} ({staff_phone})
Customer: {name}
Email: {email}
Phone: {phone}
Order: {order['order_number']}
Service: {service['name']}
Address: {address}
Notes: {notes or 'None'}
    """.strip(), address


def places(profile):
    """(connection, provider, calendar, account)"""
    if profile["calendar_provider"] not in (None, "", "none"):
        yield "default", profile["calendar_provider"], profile["calendar_calendar_id"] or "primary", profile["email"]
    for c in profile.get("connections") or []:
        yield c["id"], c["provider"], c["calendar_id"], c.get("account")


def takes_part(profile):
    settings = profile["calendar_sync_settings"] or {}
    outbound = settings.get("sync_direction", "outbound") in ("outbound", "both", "bidirectional", "two_way")
    return profile["calendar_sync_enabled"] and outbound and settings.get("auto_sync", True)


def people(world, order, staff, customer):
    """(role, person, provider, where, connection, calendar), in the order of precedence, everybody in one role only."""
    profiles = {str(p["id"]): p for p in world["profiles"]}
    staff_by_id = {str(s["id"]): s for s in world["staff"]}
    roles = []
    if staff:
        roles.append(("staff", staff["profile_id"]))
        if staff["manager_id"] is not None:
            roles.append(("manager", staff_by_id[str(staff["manager_id"])]["profile_id"]))
    roles += [("admin", a) for a in world["admins"]]
    if customer:
        roles.append(("customer", customer["profile_id"]))
    seen = set()
    for role, profile in roles:
        if profile is None or str(profile) in seen:
            continue
        seen.add(str(profile))
        profile = profiles[str(profile)]
        for connection, provider, calendar, account in places(profile) if takes_part(profile) else ():
            if provider in ("apple", *CHECKED):
                where = str(profile["id"]) if provider == "apple" else account
                yield role, f"profile:{profile['id']}", provider, where, connection, calendar
    if not customer or customer["profile_id"] is None:
        email = (customer or {}).get("email") or order.get("guest_email")
        if email:
            yield "customer", "guest", "invitation", "invitations/guest", 0, email


def marker(namespace, appointment, person, role, key):
    """What our own mark on an event says. No event has been withdrawn yet, so an event's key is its target's."""
    return {"Key": key, "Target": key, "Namespace": namespace, "Appointment": str(appointment), "Person": person, "Role": role, "Revision": "1"}


def google_event(marker, zone, key, texts, start, end):
    """What a program can say about an event. The description is HTML there, so what looks like it is escaped."""
    summary, description, location = texts
    private = {f"calsync{name}": value for name, value in marker.items()}
    return {"id": key, "status": "confirmed", "summary": summary, "location": location, "start": (start, zone), "end": (end, zone),
            "description": html.escape(description, quote=False), "extendedProperties": {"private": private}}


# What the server says of itself; nobody is invited, nothing recurs.
SERVERS_OWN = {"created", "creator", "eventType", "htmlLink", "iCalUID", "organizer", "sequence", "updated"}


def read_google(event):
    body = {name: value for name, value in event["body"].items() if name not in SERVERS_OWN}
    for name in ("start", "end"):
        at = body[name]
        body[name] = (int(dt.datetime.fromisoformat(at["dateTime"]).timestamp()), at["timeZone"])
    return body


def found_google(there):
    """(calendar, id, what stands there), with nothing for what was deleted."""
    for calendar, row in there["calendars"].items():
        for id, event in row["events"].items():
            yield calendar, id, None if event["body"]["status"] == "cancelled" else read_google(event)


def outlook_event(marker, zone, key, texts, start, end):
    """Times are in UTC, since Exchange knows few zones, and the description is text."""
    summary, description, location = texts
    named = {**marker, "Zone": zone, "Reminder": "default"}
    properties = {f"String {{8e2bb1c4-6f0d-4d1e-a7c5-3b9f50d2e861}} Name calsync{name}": value for name, value in named.items()}
    return {"subject": summary, "location": location, "start": (start, "UTC"), "end": (end, "UTC"), "text": description,
            "html": html.escape(description, quote=False).split("\n"), "properties": properties, "transaction": key,
            "isAllDay": False, "showAs": "busy", "isReminderOn": True, "reminderMinutesBeforeStart": 15, "attendees": [],
            "categories": [], "meeting": None, "organizer": None}


# What Exchange says of itself.
EXCHANGES_OWN = {"allowNewTimeProposals", "hideAttendees", "importance", "locations", "responseRequested", "sensitivity"}


def read_outlook(event):
    read = {name: value for name, value in event["fields"].items() if name not in EXCHANGES_OWN}
    read["location"] = read["location"]["displayName"]
    for name in ("start", "end"):
        at = event[name]
        local = dt.datetime.fromisoformat(at["local"]).replace(tzinfo=dt.timezone.utc)
        read[name] = (int(local.timestamp()), at["zone"])
    for name in ("properties", "transaction", "meeting", "organizer"):
        read[name] = event[name]
    # Exchange ends every line its own way, and every text with a line's end.
    read["text"] = event["text"]["plain"].replace("\r\n", "\n").removesuffix("\n")
    inside = re.search(r'<div class="PlainText">(.*)</div>', event["text"]["html"], re.DOTALL)
    read["html"] = inside[1].split("<br>\r\n") if inside else None
    return read


def found_outlook(there):
    for account, mailbox in there["mailboxes"].items():
        for event in mailbox["events"].values():
            calendar = mailbox["calendars"].get(str(event["calendar"]), {"is_default": False, "id": None})
            where = account if calendar["is_default"] else calendar["id"]
            yield where, event["transaction"] or event["id"], None if event["deleted"] else read_outlook(event)


# How an event must be, and how it is read.
CHECKED = {"google": (google_event, found_google), "outlook": (outlook_event, found_outlook)}


def check(provider, expected, out):
    """How many things are wrong with a fake's calendars. `expected`: {account: {id: event}}"""
    wrong = 0
    file = pathlib.Path(out) / f"fake-{provider}.json"
    nothing = {"calendars": {}, "mailboxes": {}, "mails": [], "invitations": 0}
    there = json.loads(file.read_text("utf-8")) if file.exists() else nothing
    found = {}
    for calendar, id, event in CHECKED[provider][1](there):
        if event is None:
            print(f"{provider}: {id} was made and deleted")
            wrong += 1
        elif found.setdefault(calendar, {}).setdefault(id, event) is not event:
            print(f"{provider}: {calendar}, {id}: is there twice")
            wrong += 1
    for account in sorted({*expected, *found}):
        want, have = expected.get(account, {}), found.get(account, {})
        for id in sorted({*want, *have}):
            a, b = want.get(id), have.get(id)
            if a is None or b is None:
                print(f"{provider}: {account}, {id}: {'not wanted' if a is None else 'missing'}")
            elif a != b:
                fields = sorted(name for name in {*a, *b} if a.get(name) != b.get(name))
                print(f"{provider}: {account}, {id}: other than expected: {', '.join(fields)}")
            wrong += a != b
    if there["mails"] or there["invitations"]:
        print(f"{provider}: {len(there['mails'])} mails, {there['invitations']} invitations")
        wrong += 1
    print(f"{sum(map(len, expected.values()))} events at {provider} expected, {sum(map(len, found.values()))} there")
    return wrong


def main(world_file, out, expect_file):
    world = json.loads(pathlib.Path(world_file).read_text("utf-8"))
    by_id = lambda kind: {str(r["id"]): r for r in world[kind]}
    services, staff_by_id, customers = by_id("services"), by_id("staff"), by_id("customers")
    # Nothing is written for an appointment that ended over 30 days before the run.
    ran_at = json.loads((pathlib.Path(out) / "report.json").read_text("utf-8"))["at"]
    closed = dt.datetime.fromisoformat(ran_at).timestamp() - 30 * 24 * 3600
    files, expect, events = set(), {}, {provider: {} for provider in CHECKED}
    for order in world["orders"]:
        if order["status"] != "confirmed":
            continue
        customer = customers[str(order["customer_id"])] if order.get("customer_id") is not None else None
        for item in order["items"]:
            service = services[str(item["service_id"])]
            staff = staff_by_id[str(item["staff_id"])] if item["staff_id"] is not None else None
            appointment = derived(APPOINTMENTS, order["id"], item["id"])
            start = instant(order["scheduled_date"], order.get("scheduled_time"), world["time_zone"])
            end = start + 60 * service["duration"]
            if end < closed:
                continue
            for role, person, provider, where, connection, calendar in people(world, order, staff, customer):
                key = derived(KEYS, world["namespace"], appointment, person, connection, calendar).hex
                summary, description, location = said = texts(role, order, service, staff, customer)
                if provider in CHECKED:
                    mark = marker(world["namespace"], appointment, person, role, key)
                    event = CHECKED[provider][0](mark, world["time_zone"], key, said, start, end)
                    events[provider].setdefault(where if calendar == "primary" else calendar, {})[key] = event
                    continue
                files.add(f"{where}/{calendar}/{key}.ics")
                expect[f"{key}.ics"] = {"method": None, "events": [{
                    "uid": key, "summary": summary, "description": description, "location": location, "start": start,
                    "end": end, "sequence": 1, "status": "CONFIRMED", "organizer": None,
                    "attendees": []}]}
    there = {str(p.relative_to(out)).replace("%20", " ") for p in pathlib.Path(out).rglob("*.ics")}
    for what, names in (("missing", files - there), ("not wanted", there - files)):
        for name in sorted(names):
            print(f"{what}: {name}")
    pathlib.Path(expect_file).write_text(json.dumps(expect), "utf-8")
    print(f"{len(files)} files expected, {len(there)} there")
    wrong = sum(check(provider, events[provider], out) for provider in CHECKED)
    return int(files != there or wrong > 0)


sys.exit(main(*sys.argv[1:]))
