#!/bin/sh
# Installs those of the named Debian packages that are missing.
#
# Nothing is asked of apt when all of them are there. No service is started by
# an installation: tests start their own servers.
set -eu

missing=
for package; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "install: needs$missing (Debian package names); no apt-get here, install them by hand" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "install: needs$missing; run as root: apt-get install$missing" >&2
	exit 1
fi

printf '  %-5s%s\n' APT "$missing"
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=
cleanup() {
	rm -f "$log"
	[ -z "$own_policy" ] || rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
if ! [ -e "$policy" ]; then
	own_policy=yes
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi

# Another apt may hold a lock: the list lock is not waited for by apt itself.
tries=0
until apt-get update -qq >"$log" 2>&1; do
	tries=$((tries + 1))
	if [ $tries = 10 ]; then
		cat "$log" >&2
		exit 1
	fi
	sleep 6
done
# shellcheck disable=SC2086 # a list of words
if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	-o DPkg::Lock::Timeout=300 $missing >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	exit 1
fi
