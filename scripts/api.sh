#!/usr/bin/env bash
# Reports how the Go API of core and of the transports has changed since the last
# release. With --strict it fails if a program that uses it may not compile any more.
#
#   scripts/api.sh APIDIFF [--strict]
#
# APIDIFF is golang.org/x/exp/cmd/apidiff.
set -euo pipefail
apidiff=$(realpath "$1")
strict=${2:-}
module=github.com/kadmesh/kadmesh

read -r tag commit <test/compat/RELEASE
git cat-file -e "$commit^{commit}" 2>/dev/null || {
	echo "the history of this clone does not reach back to $tag ($commit): git fetch --unshallow" >&2
	exit 1
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/sources" "$dir/old" "$dir/new"
git archive "$commit" | tar -x -C "$dir/sources"

# export_all SOURCES DIR writes a file for each package into DIR.
export_all() {
	(
		cd "$1"
		go list ./core/... ./transport/... | { grep -v /internal/ || true; } | while read -r package; do
			"$apidiff" -w "$2/$(tr / + <<<"${package#"$module"/}")" "$package"
		done
	)
}
export_all "$dir/sources" "$dir/old"
export_all . "$dir/new"

broken=0
for file in $(cd "$dir" && ls old new | grep -v : | sort -u); do
	package=$(tr + / <<<"$file")
	if [ ! -e "$dir/new/$file" ]; then
		echo "$package: gone"
		broken=1
	elif [ ! -e "$dir/old/$file" ]; then
		echo "$package: new"
	else
		changes=$("$apidiff" "$dir/old/$file" "$dir/new/$file")
		echo "$package, since $tag:"
		sed 's/^/  /' <<<"${changes:-no change}"
		[[ $changes == *"Incompatible changes:"* ]] && broken=1
	fi
done
[ "$strict" != --strict ] || exit $broken
