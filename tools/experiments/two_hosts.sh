#!/bin/bash
# Runs cluster_configs/two_hosts.yaml on two "hosts": network namespaces of this one, joined by a virtual cable. Makes the certificates,
# starts the three nodes, asks a greedy question, and compares the answer with that of `troupe serve` in one process. Prints the messages
# that show the KV on its way and what listens where. Exit code: 0, or 1 when the answers differ or no KV travelled.
#
# usage: tools/experiments/two_hosts.sh [TROUPE [MODEL]]
# needs: root (ip netns), curl, ss, a build
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
TROUPE=$(realpath "${1:-$ROOT/build/troupe}")
MODEL=$(realpath "${2:-$ROOT/tools/demo_model/checkpoint}")
A=troupe-a-$$ B=troupe-b-$$
CABLE=tr$(($$ % 100000))
PORT=21080
WORK=$(mktemp -d)
started=()

clean_up() {
  for pid in "${started[@]}"; do kill "$pid" 2> /dev/null || true; done
  wait
  ip netns del $A 2> /dev/null || true
  ip netns del $B 2> /dev/null || true
  rm -rf "$WORK"
}
trap clean_up EXIT

ip netns add $A
ip netns add $B
ip link add ${CABLE}a netns $A type veth peer name ${CABLE}b netns $B
ip -n $A addr add 10.0.0.5/24 dev ${CABLE}a
ip -n $B addr add 10.0.0.6/24 dev ${CABLE}b
for end in "$A lo" "$B lo" "$A ${CABLE}a" "$B ${CABLE}b"; do
  set -- $end
  ip -n "$1" link set "$2" up
done
until ip -n $B addr show ${CABLE}b | grep -q 'state UP'; do sleep 0.1; done

# What the shipped file has for real hosts, made small; TCP though both ends are on one kernel, which shared memory would see.
sed -e "s#path: ../models/.*#path: $MODEL#" -e "s/port: 8000/port: $PORT/" -e 's/threads: 4, kv_memory: 1GiB/threads: 1, kv_memory: 64MiB/' \
  -e 's/transport: auto/transport: tcp/' "$ROOT/cluster_configs/two_hosts.yaml" > "$WORK/two_hosts.yaml"
cd "$WORK"
"$TROUPE" certs certs --config two_hosts.yaml > certs.out
"$TROUPE" check two_hosts.yaml

start() { # NAMESPACE NODE
  ip netns exec "$1" "$TROUPE" node --config two_hosts.yaml --name "$2" > "$2.log" 2>&1 &
  started+=($!)
}
start $A front
start $A prompt0
start $B token0
ask() { curl -sf "$1/v1/completions" -H 'content-type: application/json' -d @question.json; }
until ip netns exec $A curl -s http://127.0.0.1:$PORT/troupe/status | grep -q '"t0"'; do
  sleep 0.2
  for pid in "${started[@]}"; do kill -0 "$pid" || { cat ./*.log; exit 1; }; done
done
name=$(ip netns exec $A curl -s http://127.0.0.1:$PORT/v1/models | sed 's/.*"id":"\([^"]*\)".*/\1/')
words=$(printf 'once upon a time there was %.0s' {1..40})
echo "{\"model\": \"$name\", \"prompt\": \"$words\", \"max_tokens\": 32, \"temperature\": 0, \"ignore_eos\": true}" > question.json
export -f ask
ip netns exec $A bash -c "ask http://127.0.0.1:$PORT" > far.json
id=$(sed 's/.*"id":"cmpl-\([^"]*\)".*/\1/' far.json)
ip netns exec $A "$TROUPE" request "$id" --port $PORT > request.txt
grep -E '  prompt0  ' request.txt || { echo "prompt0 had no part in it:"; cat request.txt; exit 1; }
for host in $A $B; do ip netns exec $host ss -ltnp; done

"$TROUPE" serve "$MODEL" --port $((PORT + 1)) > serve.log 2>&1 &
started+=($!)
until curl -sf http://127.0.0.1:$((PORT + 1))/readyz > /dev/null; do sleep 0.2; done
ask http://127.0.0.1:$((PORT + 1)) > near.json
text() { sed 's/.*"text":"\(.*\)","logprobs.*/\1/' "$1"; }
[ "$(text far.json)" = "$(text near.json)" ] || { echo "The answers differ:"; text far.json; text near.json; exit 1; }
echo "One answer on two hosts and in one process: $(text far.json | cut -c1-60)..."
