#!/bin/sh
# Builds the container image with buildah where no engine runs and no registry
# is reached: from a base of Debian and this machine's Go, made here.
#
# usage: make/image.sh VERSION
set -eu

version=$1
# shellcheck disable=SC1091 # not there when this is checked
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(RELEASE) $(SITE)' 'Created-By: Packages' |
	awk -v release="$codename" '$1 == release { print $2; exit }')
base=localhost/throughline-base:$codename-$(go env GOVERSION)

# Neither overlay mounts nor user namespaces are taken for granted.
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
	root=$(mktemp -d .output/base.XXXXXX)
	trap 'rm -rf "$root"' EXIT
	debootstrap --variant=minbase --include=ca-certificates,git,make "$codename" "$root" "$mirror" >.output/base.log
	cp -a "$(go env GOROOT)" "$root/usr/local/go"
	container=$(buildah from scratch)
	buildah add -q "$container" "$root" / >/dev/null
	buildah config --env PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
	buildah commit -q --rm "$container" "$base" >/dev/null
fi
# Modules come from this machine's cache: what reaches the proxy here, a
# private certificate authority perhaps, is no part of the image.
go mod download
buildah build --network host --volume "$(go env GOMODCACHE)/cache/download:/modules:ro" \
	--build-arg BUILD_BASE="$base" --build-arg GOPROXY=file:///modules \
	--build-arg VERSION="$version" -t throughline:"$version" -t throughline:latest .
