# A fake before people who never saw our code: the provider's own clients for Python and Node, and a validator (prism) fed with the
# provider's own schema between a client and the fake. Sourced by .ci/google and .ci/outlook, which set and define:
#
#     provider, base         what it is called, and where its API begins
#     tools                  a directory to install the judges in, and to find them in again; may be empty
#     clients, pip, npm      the clients' files below ../shared/tools/clients, and the packages to install
#     ask URL                has the clients ask a server
#     spec FILE              writes the validator's document
#     theirs, ours           how many calls the clients and the quickstart make at the least
#     calls                  what the quickstart must call, as patterns of the report's lines
#     probed                 where the probe's bad answer is asked for
cd "$(dirname "${BASH_SOURCE[0]}")/.."

shared=$PWD/../shared/tools
for file in "${clients[@]/#/clients/}" prism/mkspec.py; do
  [ -f "$shared/$file" ] || { printf 'skipped: %s is not there\n' "$shared/$file"; exit 0; }
done
for tool in python3 node npm; do
  command -v "$tool" >/dev/null || { printf 'skipped: %s is needed\n' "$tool"; exit 0; }
done

work=$(mktemp -d)
started=()
at_exit() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap at_exit EXIT
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
# until_there FILE: waits for the first line of a file.
until_there() {
  for _ in $(seq 300); do
    [ -s "$1" ] && return
    sleep 0.1
  done
  fail "$1 stays empty"
}

tools=${tools:-$work/tools}
if [ ! -e "$tools/complete" ]; then
  mkdir -p "$tools"
  python3 -m venv "$tools/py"
  "$tools/py/bin/pip" install -q --disable-pip-version-check "${pip[@]}"
  (cd "$tools" && npm init -y >/dev/null 2>&1 && npm i --silent --no-audit --no-fund @stoplight/prism-cli "${npm[@]}")
  touch "$tools/complete"
fi
python=$tools/py/bin/python
# Where Node looks for its packages.
for file in "${clients[@]}"; do cp "$shared/clients/$file" "$tools/"; done

cargo build --locked --quiet -p calsync-examples --example fake_servers
target/debug/examples/fake_servers --google-port 0 --outlook-port 0 --print-tokens \
  --user anna@example.org --user ben@example.org --user cleo@example.org >"$work/fake" &
started+=($!)
until_there "$work/fake"
read -r fake access refresh client secret < <("$python" - "$work/fake" "$provider" <<'PY'
import json, sys
told = json.load(open(sys.argv[1]))[sys.argv[2]]
user = told["users"][0]
print(told["url"], user["access_token"], user["refresh_token"], told["client_id"], told["client_secret"])
PY
)

echo "The official clients:"
ask "$fake"

# validator NAME UPSTREAM: starts prism before a server, and a front before prism; says where in $front.
validator() {
  local port
  port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  node "$tools/node_modules/.bin/prism" proxy -h 127.0.0.1 -p "$port" --errors "$work/spec.json" "$2$base" \
    >"$work/$1.prism" 2>&1 &
  started+=($!)
  for _ in $(seq 300); do
    grep -qs 'listening on' "$work/$1.prism" && break
    sleep 0.1
  done
  python3 .ci/front.py "$2" "http://127.0.0.1:$port" "$base" "$work/$1.report" >"$work/$1.front" &
  started+=($!)
  until_there "$work/$1.front"
  front=$(cat "$work/$1.front")
}
# nothing_wrong NAME LEAST: at least that many calls were judged, and none was bad.
nothing_wrong() {
  ! grep '^bad' "$work/$1.report" || fail "prism found something wrong ($1)"
  [ "$(wc -l <"$work/$1.report")" -ge "$2" ] || fail "prism has seen less than $2 calls ($1)"
  printf '%s: %d calls, nothing wrong\n' "$1" "$(wc -l <"$work/$1.report")"
}

echo "The same, through the validator:"
spec "$work/spec.json"
validator clients "$fake"
ask "$front"
nothing_wrong clients "$theirs"

# Our own: everybody in the quickstart's world who is there has a fake user's tokens. Then a third of the appointments move, a third
# are cancelled, and what stood there is looked for.
echo "The quickstart, through the validator:"
validator ours "$fake"
"$python" .ci/world.py world "$provider" examples/data/world.json "$work/world.json" "$work/fake"
cargo build --locked --quiet -p calsync-examples --example quickstart
export "${provider^^}_CLIENT_SECRET=$secret"
quickstart() {
  target/debug/examples/quickstart --world "$work/world.json" --out "$work/out" \
    "--$provider-url" "$front" "--$provider-client" "$client" | tail -1
}
quickstart
"$python" .ci/world.py changes "$provider" "$work/out/state.json"
quickstart
nothing_wrong ours "$ours"
for call in "${calls[@]}"; do
  grep -q "^ok $call " "$work/ours.report" || fail "the quickstart made no $call"
done
[ "$(quickstart)" = "nothing to do" ] || fail "the third run had something to do"

echo "The validator finds what is wrong:"
"$python" .ci/probe.py "$provider" "$front$base" "$access" "$work/answers" >"$work/probe" &
started+=($!)
until_there "$work/probe"
grep -qx 'requests ok' "$work/probe" || fail "a bad request passed the validator: $(cat "$work/probe")"
until_there "$work/answers"
validator probe "$(cat "$work/answers")"
status=$("$python" - "$front$base$probed" <<'PY'
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer x"}))
    print(200)
except urllib.error.HTTPError as error:
    print(error.code)
PY
)
[ "$status" = 500 ] || fail "a bad answer passed the validator: $status"
grep -q '^bad GET' "$work/probe.report" || fail "the front does not report a bad answer"
echo "bad requests and a bad answer were found"
