#!/usr/bin/env bash
# Checks which packages may know which: the layering of docs/architecture.md.
set -euo pipefail
module=github.com/kadmesh/kadmesh
bad=0

# forbid WHAT PATTERN PACKAGE [ENV...]: no dependency of PACKAGE may match.
forbid() {
	local why=$1 pattern=$2 pkg=$3
	shift 3
	local deps found
	deps=$(env "$@" go list -deps "$pkg") # ends the script if it fails
	found=$(grep -E "$pattern" <<<"$deps" || true)
	if [ -n "$found" ]; then
		echo "fence: $pkg must not depend on $why, but does on:" >&2
		echo "$found" | sed 's/^/  /' >&2
		bad=1
	fi
}

forbid "a transport, a command or the simulator" "^$module/(transport|cmd|sim|test)" ./core GOOS=linux
forbid "what would bloat the browser's binary" '^(net|net/http|log/slog|math/big|crypto/rand|crypto/tls|encoding/json|golang.org/x/.*)$' ./core GOOS=js GOARCH=wasm
forbid "what would bloat the browser's binary" '^(net|net/http|log/slog|math/big|crypto/.*|encoding/json|golang.org/x/.*|nhooyr.io/.*|github.com/pion/.*)$' ./cmd/wasm GOOS=js GOARCH=wasm
forbid "anything of this project, the bottom of which it is" "^$module/(core|transport|cmd)" ./internal/wire GOOS=linux
forbid "anything but addresses as values" "^net$|^$module/(core|transport|cmd)" ./internal/netaddr GOOS=linux
for p in $(GOOS=linux go list ./transport/...); do
	forbid "core, since the seam is made of standard types" "^$module/core$" "$p" GOOS=linux
done
wsrelay=transport/wsrelay
for system in linux js; do
	arch=$([ $system = js ] && echo wasm || go env GOHOSTARCH)
	forbid "the relay, which only programs that are one need" "^$module/$wsrelay/relay" "./$wsrelay" GOOS=$system GOARCH="$arch"
	forbid "more than standard packages and internal ones" "^$module/(core|transport/(udp|webrtc|wsrelay$|wsrelay/relay)|cmd)" \
		"./$wsrelay/message" GOOS=$system GOARCH="$arch"
done
forbid "its clients" "^$module/$wsrelay$" "./$wsrelay/relay" GOOS=linux
forbid "a socket" '^net$' "./$wsrelay/relay/internal/limit" GOOS=linux
forbid "anything of this project: it judges simulations and real processes" "^$module/(core|transport|cmd|sim|test)" ./internal/history GOOS=linux

# A later version of pion shall be a small step.
pion=$(grep -lE '"github.com/pion/' transport/webrtc/*.go | grep -vE '_test\.go$|/(pion|pion_listen|certificate)\.go$' || true)
if [ -n "$pion" ]; then
	echo "fence: only pion*.go and certificate.go may import pion, but these do:" >&2
	echo "$pion" | sed 's/^/  /' >&2
	bad=1
fi

# Only the shell around the engine may know the time or start goroutines. The limits of
# a relay and the judge of histories are told the time as well.
impure=$(grep -lE 'time\.(Now|Sleep|After|AfterFunc|NewTimer|Since|Until)\(|^\s*go |\.Go\(' core/*.go \
	transport/wsrelay/relay/internal/limit/*.go internal/history/*.go |
	grep -vE '_test\.go$|core/node(_operations|_clock)?\.go$' || true)
if [ -n "$impure" ]; then
	echo "fence: core, but for core/node*.go, the relay's limits and internal/history may use no clock and no goroutine, but these do:" >&2
	echo "$impure" | sed 's/^/  /' >&2
	bad=1
fi
# One place decides what kind of address an IP address is.
second=$(git ls-files '*.go' | grep -vE '_test\.go$|^internal/netaddr/' |
	xargs grep -nE 'IsPrivate\(|IsGlobalUnicast\(|MustParsePrefix\(' || true)
if [ -n "$second" ]; then
	echo "fence: only internal/netaddr may decide whether an address is public or private, but these do:" >&2
	echo "$second" | sed 's/^/  /' >&2
	bad=1
fi
# Tests sleep in virtual time only, in a bubble of testing/synctest. Exceptions are
# measurements, packets on their way, and a method of a type that lives in a bubble.
sleepy=$(git ls-files '*_test.go' | grep -vE '/measure[a-z_]*_test\.go$|^test/direct/|/lab_test\.go$' | while read -r file; do
	awk -v file="$file" '
		function check() { if (sleeps && !bubble) print file ": " name }
		/^func / { check(); name = $0; sleeps = bubble = 0 }
		/time\.Sleep\(/ { sleeps = 1 }
		/synctest\.Test\(|inBubble\(/ { bubble = 1 }
		END { check() }
	' "$file"
done)
if [ -n "$sleepy" ]; then
	echo "fence: tests may sleep in a synctest bubble only, but these do elsewhere:" >&2
	echo "$sleepy" | sed 's/^/  /' >&2
	bad=1
fi
exit $bad
