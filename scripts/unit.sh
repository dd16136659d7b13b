#!/usr/bin/env bash
# Runs go test with the arguments given, and fails as well if a test skips itself
# for want of something: a test that did not run has proven nothing.
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

# Measurements run when they are asked for. Nothing can be said of IPv6, or of hosts
# that are apart, where a machine has none of either; all else must run.
awk '
	/_test\.go:[0-9]+: / { reason = $0 }
	/^ *--- SKIP: / && !/: TestMeasure/ {
		print "skipped: " $3 reason
		if (reason !~ /: no (IPv6|TUN): /) bad = 1
	}
	/^ *--- / { reason = "" }
	END { exit bad }
' "$log"
