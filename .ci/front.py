"""Puts a validator in front of a fake: calls of the API below BASE go through prism, everything else goes past it.

    front.py FAKE_URL PRISM_URL BASE REPORT

Prints its own URL. REPORT gets a line for every call that went through prism: `ok` or `bad`, what it was, and prism's
complaint. prism has to run with --errors, and prepends nothing to paths: BASE, such as /calendar/v3, is taken off here.
"""
import http.client, http.server, json, sys, urllib.parse

fake, prism = (urllib.parse.urlsplit(url) for url in sys.argv[1:3])
BASE = sys.argv[3]
report = open(sys.argv[4], "a", buffering=1)


class Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        judged = self.path.startswith(BASE + "/")
        to, path = (prism, self.path[len(BASE):]) if judged else (fake, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        drop = ("host", "connection", "accept-encoding", "transfer-encoding")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in drop}
        connection = http.client.HTTPConnection(to.hostname, to.port, timeout=60)
        connection.request(self.command, path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        if judged:
            complaint = ""
            if "problem+json" in answer.headers.get("Content-Type", ""):
                problem = json.loads(content)
                complaint = f"{problem.get('title')} {json.dumps(problem.get('validation') or problem.get('detail'))}"
            elif answer.headers.get("sl-violations"):
                complaint = answer.headers["sl-violations"]
            where = self.path.split("?")[0]
            print("bad" if complaint else "ok", self.command, where, answer.status, complaint, file=report)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "keep-alive"):
                self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
