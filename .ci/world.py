#!/usr/bin/env python3
"""The quickstart's world with real tokens, and changes to its state.

    world.py world PROVIDER IN OUT TOLD     every connection there gets the tokens of one of the users that fake_servers told of
    world.py changes PROVIDER STATE         of three appointments one moves, one is cancelled, and the third one's events count as
                                            made by a create without an answer, so that they are looked for
"""
import datetime, json, sys


def world(provider, source, target, told):
    world = json.load(open(source))
    users = iter(json.load(open(told))[provider]["users"])
    for profile in world["profiles"]:
        if profile["calendar_provider"] == provider:
            user = next(users)
            profile["calendar_access_token"], profile["calendar_refresh_token"] = user["access_token"], user["refresh_token"]
        for connection in profile.get("connections", []):
            if connection["provider"] == provider:
                user = next(users)
                connection["access_token"], connection["refresh_token"] = user["access_token"], user["refresh_token"]
    json.dump(world, open(target, "w"))


def changes(provider, path):
    state = json.load(open(path))
    is_there = lambda row: row["calendar"]["provider"] == provider and row["state"] == "confirmed"
    later = lambda text: (datetime.datetime.fromisoformat(text) + datetime.timedelta(hours=1)).isoformat()
    appointments = [a for a in state["appointments"] if any(map(is_there, a["calendar_ledger"]["deliveries"]))]
    for number, appointment in enumerate(appointments):
        if number % 3 == 0:
            appointment["start_time"], appointment["end_time"] = later(appointment["start_time"]), later(appointment["end_time"])
        elif number % 3 == 1:
            appointment["status"] = "cancelled"
        else:
            for row in filter(is_there, appointment["calendar_ledger"]["deliveries"]):
                for field in ("remote_id", "etag", "fingerprint"):
                    row.pop(field, None)
                row["state"] = "pending"
    json.dump(state, open(path, "w"))


{"world": world, "changes": changes}[sys.argv[1]](*sys.argv[2:])
