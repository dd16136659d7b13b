#!/usr/bin/env bash
# Runs go test with the arguments given, and fails as well if a test skips itself
# for want of something: what did not run has proven nothing.
#
#   scripts/unit.sh -race ./...
set -euo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
${GO:-go} test -v "$@" >"$log" 2>&1 || status=$?
if [ $status -ne 0 ]; then
	grep -vE '^ *(=== (RUN|PAUSE|CONT|NAME) |--- PASS: )' "$log"
	exit $status
fi
grep -E '^ok ' "$log"

# Measurements run when they are asked for.
skipped=$(grep -E '^ *--- SKIP: ' "$log" | grep -vE ': TestMeasure[A-Za-z]* ' || true)
# Nothing can be said of IPv6 where there is none.
if [ -n "$skipped" ] && [ -n "$(cat /proc/net/if_inet6 2>/dev/null)" ]; then
	echo "skipped for want of something:"
	grep -A 1 -E '^ *--- SKIP: ' "$log" | grep -vE '^--$'
	exit 1
fi
[ -z "$skipped" ] || echo "not tested here, as this machine has no IPv6:" "$skipped"
