#!/usr/bin/env bash
# Simulates the scenarios of docs/results.md in their full size, and fails if a number
# is not as it should be. A row with ~ has a number that is known to miss; the note
# in docs/results.md says why.
#
#   scripts/scenarios.sh            # all: two hours on two cores
#   scripts/scenarios.sh dead       # the matching ones
set -euo pipefail
pattern=${1:-.}

rows() {
	cat <<-END
		  dead10     3000
		  dead10    10000 --duration 1ns
		  dead30     3000
		~ dead30    10000 --duration 1ns
		  loss10     2000
		  loss30     2000
		  linkdown   2000
		  kad         500 --ops 4200
		  bamboo      500 --duration 15m
		  silent20   2000
		  lying20    2000
		~ scale      5000
		  scale      5000 --duration 1h
		~ scale    100000 --ops 10000
		  collude20  1000
		  mixed      1000
		  tabs        500
		  partition  1000
		  oneway     1000
		  rough      1000
		  pairs      1000
		  restarts    300
		  restarts    300 --k 8
		~ overwrite   500
		  overwriteloss 500
		  writers     500
		  leaving     500
		  leaving     500 --k 8
		  forge20    1000
		  sybil       500
		  hotkey      500
	END
}

missed=0
while read -r row; do
	[[ $row =~ $pattern ]] || continue
	known=
	[ "${row:0:1}" = "~" ] && known=1 && row=${row:1}
	read -r scenario nodes flags <<<"$row"
	echo "== $scenario, $nodes nodes $flags"
	# shellcheck disable=SC2086 # flags are words
	if ! bin/kadmesh-sim --scenario "$scenario" --nodes "$nodes" --seed "${SEED:-1}" $flags </dev/null; then
		if [ -n "$known" ]; then
			echo "(known to miss)"
		else
			missed=$((missed + 1))
		fi
	fi
done < <(rows)
[ $missed = 0 ] || {
	echo "$missed scenarios miss a number" >&2
	exit 1
}
