#!/usr/bin/env bash
# Fetches the device trees of Debian 12's arm64 and armhf kernels (about 1,500) into a folder: FOLDER/arm64/... and FOLDER/armhf/...
# Needs apt-get, dpkg-deb and Debian's archive key; nothing is installed and the system's own apt state is left alone.
#
#   scripts/fetch-boards.sh FOLDER      MIRROR=http://... for another mirror than the system's
set -euo pipefail

[ $# = 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -1)}
mirror=${mirror:-http://deb.debian.org/debian}
key=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$key" ] || { echo "$0: $key is missing (package debian-archive-keyring)" >&2; exit 2; }

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
printf 'deb [signed-by=%s] %s bookworm main\n' "$key" "$mirror" >"$state/sources.list"
mkdir "$state/empty.d"
: >"$state/status"

for pair in arm64:linux-image-arm64 armhf:linux-image-armmp; do
  arch=${pair%%:*}
  root=$state/$arch
  mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/debs"
  apt=(-qq "-oAPT::Architecture=$arch" "-oAPT::Architectures=$arch" -oAPT::Sandbox::User=
    "-oDir::State=$root" "-oDir::State::Lists=$root/lists" "-oDir::State::status=$state/status" "-oDir::Cache=$root/cache"
    "-oDir::Etc::sourcelist=$state/sources.list" "-oDir::Etc::sourceparts=$state/empty.d")
  apt-get "${apt[@]}" update
  # The named package is empty and depends on the current kernel's.
  image=$(apt-cache "${apt[@]}" depends "${pair#*:}" | sed -n 's/.*Depends: *\(linux-image-[^ ]*\).*/\1/p' | head -1)
  (cd "$root/debs" && apt-get "${apt[@]}" download "$image")
  dpkg-deb --fsys-tarfile "$root"/debs/*.deb | tar -x -C "$root" --wildcards './usr/lib/linux-image-*/*.dtb'
  rm -rf "${folder:?}/$arch"
  mv "$root"/usr/lib/linux-image-* "$folder/$arch"
  echo "$folder/$arch: $(find "$folder/$arch" -name '*.dtb' | wc -l) device trees of $image"
done
