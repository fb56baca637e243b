#!/usr/bin/env python3
"""The quickstart's world with real tokens, and changes to its state.

    google_world.py world IN OUT ACCESS REFRESH     every Google connection gets these tokens
    google_world.py changes STATE                   of three appointments one moves, one is cancelled, and the third one's events
                                                    count as unsure, so that they are looked for
"""
import datetime, json, sys


def world(source, target, access, refresh):
    world = json.load(open(source))
    for profile in world["profiles"]:
        if profile["calendar_provider"] == "google":
            profile["calendar_access_token"], profile["calendar_refresh_token"] = access, refresh
        for connection in profile.get("connections", []):
            if connection["provider"] == "google":
                connection["access_token"], connection["refresh_token"] = access, refresh
    json.dump(world, open(target, "w"))


def changes(path):
    state = json.load(open(path))
    at_google = lambda row: row["place"]["provider"] == "google" and row["presence"]["state"] == "present"
    later = lambda text: (datetime.datetime.fromisoformat(text) + datetime.timedelta(hours=1)).isoformat()
    appointments = [a for a in state["appointments"] if any(map(at_google, a["calendar_ledger"]["deliveries"]))]
    for number, appointment in enumerate(appointments):
        if number % 3 == 0:
            appointment["start_time"], appointment["end_time"] = later(appointment["start_time"]), later(appointment["end_time"])
        elif number % 3 == 1:
            appointment["status"] = "cancelled"
        else:
            for row in filter(at_google, appointment["calendar_ledger"]["deliveries"]):
                before = {k: v for k, v in row["presence"].items() if k != "state"}
                since = row["changed_at"]
                row["presence"] = {"state": "unsure", "key": before["key"], "before": before, "since": since}
    json.dump(state, open(path, "w"))


{"world": world, "changes": changes}[sys.argv[1]](*sys.argv[2:])
