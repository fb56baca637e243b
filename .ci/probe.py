"""Proof that the validator validates: requests that it has to refuse, and a server whose answers it has to refuse.

    probe.py PROVIDER BASE ACCESS_TOKEN FILE

Prints `requests ok` when every bad request was refused by prism (and the good one was not), then serves bad answers, with its
URL in FILE, until it is ended.
"""
import http.server, json, sys, urllib.error, urllib.request

provider, base, token, file = sys.argv[1:5]
days = {"start": {"date": "2026-12-03"}, "end": {"date": "2026-12-04"}}
at = lambda hour: {"dateTime": f"2026-12-03T{hour}:00:00", "timeZone": "UTC"}
hour = {"subject": "probe", "start": at(10), "end": at(11)}
part = {"id": "1", "method": "GET", "url": "/me/calendars"}
GOOD = {
    "google": ("POST", "/calendars/primary/events", days),
    "outlook": ("POST", "/me/events", hour),
}
BAD = {
    "google": [
        ("a start that is a text", "POST", "/calendars/primary/events", {**days, "start": "2026-12-03"}),
        ("minutes that are a text", "POST", "/calendars/primary/events", {**days, "reminders": {"overrides": [{"minutes": "5"}]}}),
        ("a property that is a number", "POST", "/calendars/primary/events",
         {**days, "extendedProperties": {"private": {"a": 1}}}),
        ("maxResults=0", "GET", "/calendars/primary/events?maxResults=0"),
        ("an unknown sendUpdates", "POST", "/calendars/primary/events?sendUpdates=some", days),
        ("an unknown path", "GET", "/calendars/primary/event"),
    ],
    "outlook": [
        ("a start that is a text", "POST", "/me/events", {**hour, "start": "2026-12-03T10:00:00"}),
        ("minutes that are a text", "POST", "/me/calendar/events", {**hour, "reminderMinutesBeforeStart": "5"}),
        ("a property that is a number", "POST", "/me/calendar/events",
         {**hour, "singleValueExtendedProperties": [{"id": "String {x} Name y", "value": 1}]}),
        ("an unknown showAs", "PATCH", "/me/calendar/events/abcde", {"showAs": "OPAQUE"}),
        ("$top=0", "GET", "/me/calendar/events?$top=0"),
        ("a view without an end", "GET", "/me/calendarView?startDateTime=2026-12-03T00:00:00Z"),
        ("an empty batch", "POST", "/$batch", {"requests": []}),
        ("a part that looks", "POST", "/$batch", {"requests": [{**part, "method": "LOOK"}]}),
        ("a part of another host's", "POST", "/$batch", {"requests": [{**part, "url": "https://graph.microsoft.com/v1.0/me"}]}),
        ("an unknown path", "GET", "/me/event"),
    ],
}


def refused(method, path, body=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{base}{path}", data, headers, method=method)
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        return "problem+json" in error.headers.get("Content-Type", "")
    return False


wrong = []
if refused(*GOOD[provider]):
    wrong.append("a good insert was refused")
for what, *request in BAD[provider]:
    if not refused(*request):
        wrong.append(f"{what} was not refused")
print("\n".join(wrong) or "requests ok", flush=True)


class Bad(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"id": 17, "start": "soon"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Bad)
with open(file, "w") as out:
    print(f"http://127.0.0.1:{server.server_port}", file=out)
server.serve_forever()
