#!/usr/bin/env bash
# Compares the public Go packages with those of the last release. An incompatible
# change passes if CHANGELOG.md names it, in backticks, below [Unreleased].
#
#   APIDIFF=.tools/apidiff scripts/api.sh [BASE]    # BASE: a tag or commit, default the last tag
set -euo pipefail

base=${1:-$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null)} || {
	echo "api: no release tag in this clone: git fetch --tags --unshallow" >&2
	exit 1
}
apidiff=$(realpath "${APIDIFF:-.tools/apidiff}")
old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
mkdir "$old/tree"
git archive "$base" | tar -x -C "$old/tree"
unreleased=$(awk '/^## /{on = /^## \[Unreleased\]/} on' CHANGELOG.md)
echo "compared with $base:"

# public lists the packages below the current directory that others may import.
public() { ${GO:-go} list ./core/... ./transport/... | grep -v /internal; }

# named NAME: do the notes on the next release name it?
named() { grep -qE '`[^`]*\b'"$1"'\b[^`]*`' <<<"$unreleased"; }

bad=0
now=$(public)
for package in $(cd "$old/tree" && public); do
	short=${package#*/*/*/}
	if ! grep -qx "$package" <<<"$now"; then
		changes="- $short: removed"
	else
		(cd "$old/tree" && "$apidiff" -w "$old/export" "$package")
		changes=$("$apidiff" -incompatible "$old/export" "$package")
	fi
	while read -r change; do
		[ -n "$change" ] || continue
		symbol=${change#- }
		symbol=${symbol%%:*}
		name=${symbol##*.}
		if named "${name//[!A-Za-z0-9_\/]/}"; then
			echo "  $short: ${change#- }"
		else
			echo "  $short: ${change#- } (not in CHANGELOG.md)" >&2
			bad=1
		fi
	done <<<"$changes"
done
if [ $bad -ne 0 ]; then
	echo "api: write the changes that are meant below [Unreleased] in CHANGELOG.md: see docs/api-stability.md" >&2
fi
exit $bad
