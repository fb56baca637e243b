"""Proof that the validator validates: requests that it has to refuse, and a server whose answers it has to refuse.

    google_probe.py BASE ACCESS_TOKEN FILE

Prints `requests ok` when every bad request was refused by prism (and the good one was not), then serves bad answers, with its
URL in FILE, until it is ended.
"""
import http.server, json, sys, urllib.error, urllib.request

base, token, file = sys.argv[1:4]
times = {"start": {"date": "2026-12-03"}, "end": {"date": "2026-12-04"}}


def refused(method, path, body=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{base}/calendar/v3/calendars/primary{path}", data, headers, method=method)
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        return "problem+json" in error.headers.get("Content-Type", "")
    return False


wrong = []
if refused("POST", "/events", times):
    wrong.append("a good insert was refused")
for what, *request in [
    ("a start that is a text", "POST", "/events", {**times, "start": "2026-12-03"}),
    ("minutes that are a text", "POST", "/events", {**times, "reminders": {"overrides": [{"minutes": "5"}]}}),
    ("a property that is a number", "POST", "/events", {**times, "extendedProperties": {"private": {"a": 1}}}),
    ("maxResults=0", "GET", "/events?maxResults=0"),
    ("an unknown sendUpdates", "POST", "/events?sendUpdates=some", times),
    ("an unknown path", "GET", "/event"),
]:
    if not refused(*request):
        wrong.append(f"{what} was not refused")
print("\n".join(wrong) or "requests ok", flush=True)


class Bad(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"kind": "calendar#event", "id": 17, "start": "soon"}'
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
