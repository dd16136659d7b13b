#!/usr/bin/env bash
# Builds what a release consists of into artifacts/release: an archive of the
# programs for each platform, the npm package, SHA256SUMS, and NOTES.md, the text of
# the release. The same commit gives the same bytes. Needs web/kadmesh/kadmesh.wasm.br and
# the npm package (make npm).
#
#   scripts/release.sh v0.1.0 [OS/ARCH]...
set -euo pipefail

version=$1
shift
platforms=("$@")
[ $# -gt 0 ] || platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64)
number=${version#v}
module=$(grep -l '"name": "kadmesh",' web/package.json web/*/package.json 2>/dev/null || true)
package=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$module")
if [ "$package" != "$number" ]; then
	echo "release: $module has version $package, not $number" >&2
	exit 1
fi

out=artifacts/release
rm -rf "$out"
mkdir -p "$out"

# The part of the changelog between the heading of this version and the next one.
awk -v heading="## [$number]" '
	index($0, "## ") == 1 || /^\[[^]]*\]: / { on = index($0, heading) == 1; next }
	on
' CHANGELOG.md >"$out/NOTES.md"
if ! grep -q . "$out/NOTES.md"; then
	echo "release: CHANGELOG.md has no part [$number]" >&2
	exit 1
fi

time=$(git log -1 --format=%ct)
for platform in "${platforms[@]}"; do
	os=${platform%/*} arch=${platform#*/}
	name=kadmesh-$number-$os-$arch
	exe=
	[ "$os" != windows ] || exe=.exe
	mkdir -p "$out/$name"
	for program in native:kadmesh relay:kadmesh-relay; do
		GOOS=$os GOARCH=$arch CGO_ENABLED=0 ${GO:-go} build -trimpath -ldflags "-s -w -X main.version=$version" \
			-o "$out/$name/${program#*:}$exe" "./cmd/${program%:*}"
	done
	cp LICENSE README.md CHANGELOG.md "$out/$name"
	[ "$os" != linux ] || cp deploy/kadmesh-relay.service "$out/$name"
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" -C "$out" -c "$name" |
		gzip -n >"$out/$name.tar.gz"
	rm -r "${out:?}/$name"
done

cp "artifacts/kadmesh-$number.tgz" "$out/kadmesh-npm-$number.tgz"
(cd "$out" && sha256sum -- *.tar.gz *.tgz >SHA256SUMS)
cat "$out/SHA256SUMS"
