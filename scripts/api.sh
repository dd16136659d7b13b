#!/usr/bin/env bash
# Compares the public Go packages with those of the last release. An incompatible
# change passes if CHANGELOG.md names it, in backticks, below [Unreleased].
#
#   APIDIFF=.tools/apidiff scripts/api.sh [BASE]    # BASE: a tag or commit, default the last release
set -euo pipefail

# test/compat/RELEASE has the tag of the last release and its commit, since a clone
# may have no tags.
base=${1:-}
if [ -z "$base" ] && [ -f test/compat/RELEASE ]; then
	read -r tag base <test/compat/RELEASE
elif [ -z "$base" ]; then
	base=$(git describe --tags --abbrev=0 --match 'v[0-9]*')
fi
git cat-file -e "$base^{commit}" || {
	echo "api: this clone does not reach back to ${tag:-} $base: git fetch --unshallow" >&2
	exit 1
}
apidiff=$(realpath "${APIDIFF:-.tools/apidiff}")
old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
mkdir "$old/tree"
git archive "$base" | tar -x -C "$old/tree"
unreleased=$(awk '/^## /{on = /^## \[Unreleased\]/} on' CHANGELOG.md)
echo "compared with ${tag:-$base}:"

# public lists the packages below the current directory that others may import.
public() { ${GO:-go} list ./core/... ./transport/... | grep -v /internal; }

# named NAME: do the notes on the next release name it? A star in the notes stands
# for any letters: `core.Drop*`.
named() {
	local pattern
	while read -r pattern; do
		# shellcheck disable=SC2053 # a pattern
		[[ $1 != ${pattern##*.} ]] || return 0
	done < <(grep -oE '`[^`]+`' <<<"$unreleased" | tr -c 'A-Za-z0-9_./*\n' '\n')
	return 1
}

bad=0
now=$(public)
for package in $(cd "$old/tree" && public); do
	short=${package#*/*/*/}
	if ! grep -qx "$package" <<<"$now"; then
		changes="- $short: removed"
	else
		(cd "$old/tree" && "$apidiff" -w "$old/export" "$package")
		changes=$("$apidiff" -incompatible "$old/export" "$package" | grep '^- ' || true)
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
