#!/bin/sh
# Makes a file system of an archive of files: make-root.sh ARCHIVE TREE IMAGE. Run by root, or under fakeroot, which
# remembers what the files would be.
set -eu
archive=$1 tree=$2 image=$3
mkdir "$tree"
tar -C "$tree" -xf "$archive"
used_mib=$(du -sm "$tree" | cut -f 1)
# Room for the file system's own tables, and for a first start: a VM's SIZE makes the disk bigger, and it grows into that.
truncate -s "$((used_mib * 12 / 10 + 256))M" "$image"
mke2fs -q -F -t ext4 -L root -d "$tree" "$image"
