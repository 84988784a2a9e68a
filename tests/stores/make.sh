#!/bin/sh
# Makes the store of a format as its own program writes it, and what that program tells of it:
#
#   tests/stores/make.sh PATH/TO/seam FORMAT
#
# writes format-FORMAT.db.gz and format-FORMAT.json.gz beside this script. To be run with the last program that writes the
# format, before a change of the format lands. Needs curl, jq, gzip and sqlite3, and takes up to two minutes: figures of
# more than one minute are wanted.
set -eu

seam=$(realpath "$1")
format=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
port=${PORT:-17689}
url=http://127.0.0.1:$port/api/v1
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/policies.toml" <<'POLICIES'
[[edge]]
from = "billing"
to = "payments"
approval = { role = "finance", question = "May this be paid?", due = "4h" }
POLICIES
"$seam" serve --store "sqlite:$work/seam.db" --listen "127.0.0.1:$port" --policies "$work/policies.toml" &
server=$!
until curl -sf "http://127.0.0.1:$port/healthz" >/dev/null; do sleep 0.1; done

# contract FROM TO TITLE: the least that a producer has to send.
contract() {
  jq -n --arg from "$1" --arg to "$2" --arg title "$3" '{
    pipeline: {name: "news", version: "1.0.0", stage: "draft", output: "article"},
    source: {kind: "agent", id: $from}, target: {kind: "agent", id: $to},
    brief: {title: $title, goal: "Publish one article", current_state: "Research is done", next_step: "Write it",
      definition_of_done: [{item: "It is written", met: false}], owner: {kind: "agent", id: $to}},
    working_memory: {summary: {decision: "Go", inputs_used: [], open_questions: [], text: "Tides."}},
    provenance: {agent: {name: $from, version: "1"}, model: null, prompt: null, tool_calls: [], confidence: 0.9},
    failure_modes: {retryable: ["timeout"], escalate: ["policy"], default: "dead_letter", max_attempts: 2}}'
}
# post PATH [CURL ARGUMENTS]: posts the JSON on standard input and prints the answer.
post() {
  path=$1
  shift
  curl -s -X POST -H 'content-type: application/json' "$@" --data-binary @- "$url/$path"
}
emit() { contract "$@" | post handoffs; }
claim() { echo "{\"agent\": \"$1\", \"lease_s\": 3600}" | post handoffs/claim; }
# leased AGENT VERB JSON: claims work of the agent, acknowledges it and does that.
leased() {
  work_item=$(claim "$1")
  id=$(echo "$work_item" | jq -r .handoff_id)
  lease=$(echo "$work_item" | jq -r .lease_id)
  echo "{\"lease_id\": \"$lease\"}" | post "handoffs/$id/ack" >/dev/null
  if [ -n "$2" ]; then
    echo "$3" | jq -c --arg lease "$lease" '. + {lease_id: $lease}' | post "handoffs/$id/$2" >/dev/null
  fi
  echo "$id"
}
tag() { curl -sI -X GET "$url/handoffs/$1" | tr -d '\r' | awk 'tolower($1) == "etag:" {print $2}'; }

echo '{"type": "object", "properties": {"figures": {"type": "array"}}}' |
  curl -s -X PUT -H 'content-type: application/json' --data-binary @- "$url/contracts/figures/1.0.0"
printf 'the bytes of a table' >"$work/table"
curl -s -X PUT -H 'content-type: text/csv' --data-binary @"$work/table" \
  "$url/blobs/$(sha256sum "$work/table" | cut -d ' ' -f 1)" >/dev/null

for nth in 1 2 3 4 5 6; do emit research writer "Write article $nth" >/dev/null; done
leased writer complete '{"result": {"words": 900}}' >/dev/null
next=$(contract writer editor "Edit article 2")
leased writer complete "{\"next\": [$next]}" >/dev/null
leased writer fail '{"code": "broken", "detail": "No input"}' >/dev/null
requeued=$(leased writer fail '{"code": "broken", "detail": "No input"}')
leased writer "" '{}' >/dev/null
leased editor return '{"feedback": ["Name the sources"]}' >/dev/null
echo '{"reason": "Looked at it"}' | post "handoffs/$requeued/requeue" -H "if-match: $(tag "$requeued")" >/dev/null
echo '{"verdict": "good", "note": "As it should be"}' | post "handoffs/$requeued/annotate" >/dev/null

emit billing payments "Pay Hansen" >/dev/null
emit billing payments "Pay Jensen" >/dev/null
paid=$(curl -s "$url/escalations" | jq -r '.items[0].handoff // .items[0].handoff_id // .items[0].id')
echo '{"answer": "approve", "note": "In order"}' | post "escalations/$paid/resolve" -H "if-match: $(tag "$paid")" >/dev/null

contract research writer "Refused" | jq 'del(.brief.owner)' | post handoffs >/dev/null
contract research writer "Refused too" | jq '.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736" | del(.brief.goal)' | post handoffs >/dev/null
contract research writer "Under a key" | post handoffs -H 'idempotency-key: spring' >"$work/answer.json"

# The next minute: what was counted becomes part of its hour.
sleep $((61 - $(date +%-S)))
emit research writer "A minute later" >/dev/null
leased writer fail '{"code": "timeout", "detail": "Slow"}' >/dev/null
echo '{"reason": "The writer is ill"}' | post "edges/news%3Eresearch%3Ewriter/pause" >/dev/null

curl -s "$url/snapshot" >"$work/snapshot.json"
contracts=$(curl -s "$url/contracts/figures/1.0.0")
kill "$server"
wait "$server" || true
"$seam" get events -c "sqlite:$work/seam.db" -o json --limit 1000000 --window all >"$work/events.json"
for kind in pipelines edges tasks dead inbox rejections; do
  "$seam" get "$kind" -c "sqlite:$work/seam.db" -o json >"$work/$kind.json"
done
jq -n --slurpfile snapshot "$work/snapshot.json" --slurpfile answer "$work/answer.json" --argjson schema "$contracts" \
  --slurpfile events "$work/events.json" --slurpfile pipelines "$work/pipelines.json" --slurpfile edges "$work/edges.json" \
  --slurpfile tasks "$work/tasks.json" --slurpfile dead "$work/dead.json" --slurpfile inbox "$work/inbox.json" \
  --slurpfile rejections "$work/rejections.json" --argjson contract "$(contract research writer 'Under a key')" '{
    snapshot: $snapshot[0], answered: {key: "spring", contract: $contract, answer: $answer[0]}, schema: $schema,
    get: {events: $events[0], pipelines: $pipelines[0], edges: $edges[0], tasks: $tasks[0], dead: $dead[0], inbox: $inbox[0],
      rejections: $rejections[0]}}' | gzip -9 -n >"$here/format-$format.json.gz"
sqlite3 "$work/seam.db" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
gzip -9 -n -c "$work/seam.db" >"$here/format-$format.db.gz"
