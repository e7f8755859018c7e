# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# What quickstart and run-tests share: packages, a safe place to build, a build. Sourced from the
# top of the source tree, with `set -eu`.
# shellcheck disable=SC2034 # the variables are for who sources this

build_packages="gcc make autoconf automake libtool pkg-config libcurl4-openssl-dev libyaml-dev
	libjansson-dev libjq-dev libmicrohttpd-dev libssl-dev libltdl-dev libpq-dev libsqlite3-dev lowdown"
fedora_packages="gcc make autoconf automake libtool pkgconf-pkg-config libcurl-devel libyaml-devel
	jansson-devel jq-devel libmicrohttpd-devel openssl-devel libtool-ltdl-devel libpq-devel sqlite-devel
	lowdown"

say() {
	printf '\n== %s\n' "$*"
}

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

# need_packages PACKAGE...: installs what is missing on Debian and its relatives, else names it.
need_packages() {
	if ! command -v apt-get >/dev/null; then
		say "This system has no apt-get: if the build stops, install with its own tool"
		# shellcheck disable=SC2086
		echo "on Fedora: dnf install" $fedora_packages
		return 0
	fi
	absent=
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
			absent="$absent $package"
	done
	[ -n "$absent" ] || return 0
	say "Installing packages:$absent"
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "As root, please: apt-get install$absent"
		as_root=sudo
	fi
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends \
		$absent >/dev/null 2>&1 ||
		{ $as_root apt-get update >/dev/null &&
			DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y \
				--no-install-recommends $absent >/dev/null; } ||
		die "apt-get could not install$absent"
}

# Who has npm from elsewhere, such as nodejs.org, cannot install Debian's beside it.
need_npm() {
	command -v npm >/dev/null || need_packages nodejs npm
}

# Can nobody but root and this user change what is below this directory?
safe_directory() {
	directory=$(realpath "$1")
	last=$directory
	while :; do
		owner=$(stat -c %u "$directory")
		mode=$(stat -c %a "$directory")
		[ "$owner" -eq 0 ] || [ "$owner" -eq "$(id -u)" ] || return 1
		case $mode in
		1???) [ "$directory" != "$last" ] || return 1 ;;
		*[2367]? | *[2367]) return 1 ;;
		esac
		[ "$directory" != / ] || return 0
		directory=$(dirname "$directory")
	done
}

# build_place: prints where to build. tocsind loads plugins only from directories that nobody else
# can write; when the source tree is not such a place (a group-writable checkout, or one of
# another user under sudo), a private directory in /tmp is.
build_place() {
	umask 022
	mkdir -p _build
	place=$(realpath _build)
	# The demo's socket stands in here, and the path of a socket has at most 107 bytes.
	if [ ${#place} -le 70 ] && safe_directory "$place"; then
		echo "$place"
		return
	fi
	place=/tmp/tocsin-build-$(id -u)
	mkdir -m 700 "$place" 2>/dev/null || :
	safe_directory "$place" || die "$place belongs to somebody else: remove it and try again"
	echo "$place"
}

# The steps of a build, in DIRECTORY; make itself runs configure again when it is older than its
# sources.
build_steps() (
	top=$PWD directory=$1 prefix=$2
	shift 2
	if [ ! -x configure ] || [ -n "$(find configure.ac m4/tocsin.m4 m4/hardening.m4 -newer configure)" ]; then
		./bootstrap || exit 1
	fi
	mkdir -p "$directory" && cd "$directory" || exit 1
	if [ ! -f Makefile ] || ! echo "$prefix $*" | cmp -s - configured-with; then
		"$top/configure" --prefix="$prefix" --with-libpq --with-sqlite "$@" || exit 1
		echo "$prefix $*" >configured-with
	fi
	make -j"$(nproc)" && make install
)

# build_in DIRECTORY PREFIX [CONFIGURE ARGUMENT...]: configures when needed, builds, installs.
build_in() {
	build_steps "$@" >"$1.log" 2>&1 && return 0
	tail -n 30 "$1.log" >&2
	die "The build failed: see $1.log"
}
